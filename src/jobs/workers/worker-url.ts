/**
 * The URL of a compiled module that a thread or process starts from. Neither can load TypeScript, so code that runs from `src/`
 * (as in tests) starts the compiled module in `dist/`. A worker starts from the `.cjs` file beside its module, which takes it from
 * the program's one file.
 *
 * @param relative the module's path relative to the importing file, with the extension `.js`
 * @param importer the importing file's `import.meta.url`
 */
export function workerUrl(relative: string, importer: string): URL {
  const url = new URL(relative.replace(/-worker\.js$/, '-worker.cjs'), importer);
  if (importer.endsWith('.ts')) url.pathname = url.pathname.replace(/\/src\/(?!.*\/src\/)/, '/dist/');
  return url;
}
