import { fstatSync, writeSync } from 'node:fs';
import { systemProblem } from '../jobs/files/atomic.js';
import { setWorkerHeapSize } from '../jobs/workers/heap.js';
import { wasSignalled } from '../jobs/stop/interrupt.js';
import { EXIT } from './exit-codes.js';
import { main } from './main.js';

/** Runs the command line with the arguments, streams and exit code of this process. */
export async function runProcess(): Promise<void> {
  let failure: NodeJS.ErrnoException | undefined;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    failure ??= error;
  });
  // It is not an error if nobody reads standard error.
  process.stderr.on('error', () => undefined);
  writeWhole();
  setWorkerHeapSize();
  const code = await main(process.argv.slice(2));
  // When this write has ended, the errors of earlier ones have been reported.
  await new Promise<unknown>((resolve) => {
    process.stdout.write('', resolve);
  });
  process.exitCode = failure === undefined ? code : exitCodeOf(failure, code);
  // Node.js stops listening to signals some time before an idle process ends. A second Ctrl-C would change the exit code.
  if (wasSignalled()) process.exit();
}

/**
 * On an almost full disk, a write may write only the first part of a text. Node.js reports no error then. Writing the rest
 * reports it.
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
  // It is not an error if the reader of a pipe stops early (`voc-seeds eval ... | head`).
  if (failure.code === 'EPIPE') return code;
  process.stderr.write(`error: cannot write to standard output: ${systemProblem(failure)?.problem ?? failure.message}\n`);
  return EXIT.fatal;
}
