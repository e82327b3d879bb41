import { fstatSync, writeSync } from 'node:fs';
import { systemProblem } from '../jobs/files/atomic.js';
import { setWorkerHeapSize } from '../jobs/workers/heap.js';
import { wasSignalled } from '../jobs/stop/interrupt.js';
import { EXIT } from './exit-codes.js';
import { main } from './main.js';

/** Runs the command line as this process: its arguments, its streams, its exit code. */
export async function runProcess(): Promise<void> {
  let failure: NodeJS.ErrnoException | undefined;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    failure ??= error;
  });
  // Who does not read standard error misses what is said there, and nothing else.
  process.stderr.on('error', () => undefined);
  writeWhole();
  setWorkerHeapSize();
  const code = await main(process.argv.slice(2));
  // An error of the last text has come when the next is through.
  await new Promise<unknown>((resolve) => {
    process.stdout.write('', resolve);
  });
  process.exitCode = failure === undefined ? code : exitCodeOf(failure, code);
  // Node.js stops to listen to signals some time before an idle process has ended; a second Ctrl-C would end it in another way.
  if (wasSignalled()) process.exit();
}

/**
 * On a disk that is almost full, a write may take only the first part of a text. Node.js leaves it at that, without an
 * error; to write the rest brings the error out.
 */
function writeWhole(): void {
  if (!fstatSync(process.stdout.fd).isFile()) return;
  process.stdout._write = (chunk: Uint8Array, _encoding, callback) => {
    try {
      for (let start = 0; start < chunk.length;) start += writeSync(process.stdout.fd, chunk, start);
    } catch (error) {
      callback(error as Error);
      return;
    }
    callback();
  };
}

function exitCodeOf(failure: NodeJS.ErrnoException, code: number): number {
  // The reader of a pipe may have read enough (`voc-seeds eval ... | head`): that is no error.
  if (failure.code === 'EPIPE') return code;
  process.stderr.write(`error: cannot write to standard output: ${systemProblem(failure)?.problem ?? failure.message}\n`);
  return EXIT.fatal;
}
