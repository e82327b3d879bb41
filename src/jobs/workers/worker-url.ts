/**
 * The URL of a compiled worker module. A worker thread cannot load TypeScript, so code that runs from `src/` (as in tests)
 * starts the compiled module in `dist/`.
 *
 * @param relative the worker's path relative to the importing file, with the extension `.js`
 * @param importer the importing file's `import.meta.url`
 */
export function workerUrl(relative: string, importer: string): URL {
  const url = new URL(relative, importer);
  if (importer.endsWith('.ts')) url.pathname = url.pathname.replace(/\/src\/(?!.*\/src\/)/, '/dist/');
  return url;
}
