// Compiles the benchmarks and runs the one that is named: npm run bench -- NAME [arguments]
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { WORKER_HEAP } from '../dist/jobs/workers/heap.js';
import { buildProgram } from '../scripts/build.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const [name, ...rest] = process.argv.slice(2);
const names = readdirSync(here).filter((file) => file.endsWith('.ts')).map((file) => file.slice(0, -3));
if (!names.includes(name)) {
  console.error(`name a benchmark: ${names.join(', ')}`);
  process.exit(1);
}
const repository = fileURLToPath(new URL('..', import.meta.url));
const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.bench.json'], { cwd: repository, stdio: 'inherit' });
// The benchmarks' own copy of the library finds its workers and its WebAssembly beside itself, too.
await buildProgram('out/bench/src');
cpSync(fileURLToPath(new URL('../dist/wasm', import.meta.url)), fileURLToPath(new URL('../out/bench/src/wasm', import.meta.url)), { recursive: true });
// With room in the heap of every thread, as the command line has it.
execFileSync(process.execPath, ['--expose-gc', WORKER_HEAP, `out/bench/bench/${name}.js`, ...rest], { cwd: repository, stdio: 'inherit' });
