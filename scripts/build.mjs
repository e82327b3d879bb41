// Builds dist/: the modules of src/ with tsc, the program in one file, the WebAssembly of the kernels, and the script and style of
// the report's page.
//
//   node scripts/build.mjs [--stale]
//
// With --stale only what is older than its sources.

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('..', import.meta.url));
const path = (name) => join(repository, name);

/** What is built: from which files and folders, and the file whose time says when that was. */
const parts = [
  { from: ['src', 'tsconfig.json', 'tsconfig.build.json'], built: 'dist/build.tsbuildinfo', build: buildModules },
  { from: ['src'], built: 'dist/program.cjs', build: (built) => buildProgram(dirname(built)) },
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

/** Packages of many small files, which take longer to open than to run. They become part of the program, with their licences. */
const joined = ['commander', 'fflate', 'protobufjs', 'yaml', 'zod'];

/**
 * Joins the modules of the command line and of its worker threads, and some packages, in `program.cjs`: opening and linking
 * hundreds of files takes longer than most commands. Every command is still evaluated only when it is used, and names are kept.
 * Workers start from files of two lines beside their modules.
 *
 * @param folder the folder in the repository that has the modules of src/
 */
export async function buildProgram(folder) {
  const { build } = await import('esbuild');
  const workers = readdirSync(path('src'), { recursive: true }).filter((name) => name.endsWith('-worker.ts')).map((name) => name.slice(0, -3).replaceAll(sep, '/'));
  const entries = ['cli/process', ...workers].map((name) => `${JSON.stringify(name)}: () => require("./${name}.ts"),`);
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(path('package.json'), 'utf8'));
  const { metafile } = await build({
    stdin: { contents: `module.exports = {\n${entries.join('\n')}\n};`, sourcefile: 'program.cjs', resolveDir: path('src') },
    outfile: path(`${folder}/program.cjs`), bundle: true, format: 'cjs', platform: 'node', target: 'node20', charset: 'utf8', legalComments: 'none',
    external: Object.keys({ ...dependencies, ...optionalDependencies }).filter((name) => !joined.includes(name)),
    logLevel: 'warning', plugins: [ownUrls, inEnglish], metafile: true, absWorkingDir: repository,
    banner: { js: 'const urlOf = (module) => require("node:url").pathToFileURL(require("node:path").join(__dirname, module)).href;' },
  });
  writeFileSync(path(`${folder}/program.licenses.txt`), licencesOf(Object.keys(metafile.inputs)));
  for (const name of workers) {
    mkdirSync(dirname(path(`${folder}/${name}`)), { recursive: true });
    writeFileSync(path(`${folder}/${name}.cjs`), `'use strict';\nmodule.exports = require('${'../'.repeat(name.split('/').length - 1) || './'}program.cjs')['${name}']();\n`);
  }
}

/** The licences of the packages that files belong to. */
function licencesOf(files) {
  const packages = new Set(files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []));
  return [...packages].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(path(`${folder}/package.json`), 'utf8'));
    const file = readdirSync(path(folder)).find((each) => /^licen[cs]e/i.test(each));
    return `${name} ${version} (${license})\n\n${file === undefined ? '' : readFileSync(path(`${folder}/${file}`), 'utf8').trim()}\n`;
  }).join(`\n${'-'.repeat(80)}\n\n`);
}

/** Modules find files by their own URL: that of the module that tsc makes of them. */
const ownUrls = {
  name: 'own-urls',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path: file }) => {
      const module = relative(path('src'), file).replaceAll(sep, '/').replace(/\.ts$/, '.js');
      return { contents: readFileSync(file, 'utf8').replaceAll('import.meta.url', `urlOf(${JSON.stringify(module)})`), loader: 'ts' };
    });
  },
};

/** zod's messages in fifty languages are a tenth of the program, and none is used. */
const inEnglish = {
  name: 'in-english',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({ contents: 'export { default as en } from "./en.js";', loader: 'js' }));
  },
};

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
