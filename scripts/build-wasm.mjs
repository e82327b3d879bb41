// Compiles the AssemblyScript sources of wasm/ to dist/wasm/kernels.wasm.
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { main } from 'assemblyscript/asc';

const repository = fileURLToPath(new URL('..', import.meta.url));
await mkdir(new URL('../dist/wasm/', import.meta.url), { recursive: true });

// No runtime: memory is laid out by the host, and a failed assertion is a trap.
const { error, stderr } = await main([
  'wasm/index.ts', '--baseDir', repository, '--outFile', 'dist/wasm/kernels.wasm',
  '--enable', 'simd', '--enable', 'bulk-memory', '-O3', '--converge', '--noAssert', '--runtime', 'stub', '--use', 'abort=',
]);
if (error !== null) {
  console.error(stderr.toString());
  process.exit(1);
}
