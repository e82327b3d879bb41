// Builds dist/: the modules of src/ with tsc, the WebAssembly of the kernels, and the script and style of the report's page.
//
//   node scripts/build.mjs [--stale]
//
// With --stale only what is older than its sources.

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('..', import.meta.url));
const path = (name) => join(repository, name);

/** What is built: from which files and folders, and the file whose time says when that was. */
const parts = [
  { from: ['src', 'tsconfig.json', 'tsconfig.build.json'], built: 'dist/build.tsbuildinfo', build: buildModules },
  { from: ['wasm'], built: 'dist/wasm/kernels.wasm', build: buildKernels },
  { from: ['src/report', 'tsconfig.client.json'], built: 'dist/report/client/viewer.js', build: buildClient },
];

/** Builds what is older than its sources. */
export async function buildStale() {
  for (const { from, built, build } of parts) {
    if (!existsSync(path(built)) || Math.max(...[...from, 'scripts/build.mjs'].map(newest)) > statSync(path(built)).mtimeMs) await build(built);
  }
}

/** When a file or anything in a folder changed last. A folder's own time tells of files that were removed. */
function newest(name) {
  const names = statSync(path(name)).isDirectory() ? readdirSync(path(name), { recursive: true }).map((inner) => join(name, inner)) : [];
  return Math.max(...[name, ...names].map((each) => statSync(path(each)).mtimeMs));
}

function buildModules(built) {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  let when = 0;
  try {
    execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--incremental', '--tsBuildInfoFile', built], { cwd: repository, stdio: 'inherit' });
    when = Date.now() / 1000;
  } finally {
    // tsc also writes this file if it finds errors, and leaves it alone if only times have changed.
    if (existsSync(path(built))) utimesSync(path(built), when, when);
  }
}

async function buildKernels(built) {
  const { main } = await import('assemblyscript/asc');
  mkdirSync(path('dist/wasm'), { recursive: true });
  // No runtime: memory is laid out by the host, and a failed assertion is a trap.
  const { error, stderr } = await main([
    'wasm/index.ts', '--baseDir', repository, '--outFile', built,
    '--enable', 'simd', '--enable', 'bulk-memory', '-O3', '--converge', '--noAssert', '--runtime', 'stub', '--use', 'abort=',
  ]);
  if (error !== null) throw new Error(stderr.toString());
}

/** The page opened from disk may not load modules, so its script is one plain script. esbuild writes no `</script` into it. */
async function buildClient(built) {
  const { build } = await import('esbuild');
  await build({
    entryPoints: [path('src/report/client/app.ts')], outfile: path(built), tsconfig: path('tsconfig.client.json'),
    bundle: true, format: 'iife', platform: 'browser', target: 'es2022', charset: 'utf8', logLevel: 'warning',
  });
  copyFileSync(path('src/report/client/style.css'), path('dist/report/client/style.css'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--stale')) await buildStale();
  else for (const { built, build } of parts) await build(built);
}
