import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

/** Thrown by work that was abandoned because the process is about to end. */
export class AbandonedError extends Error {
  override readonly name = 'AbandonedError';

  constructor() {
    super('interrupted');
  }
}

const KEY = 'voc-seeds:abandoned';

let flag: Int32Array | undefined;

/** One number shared by all threads. Threads that are started later inherit it. */
function sharedFlag(): Int32Array {
  if (flag === undefined) {
    const known = getEnvironmentData(KEY) as SharedArrayBuffer | undefined;
    const buffer = known ?? new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    if (known === undefined) setEnvironmentData(KEY, buffer);
    flag = new Int32Array(buffer);
  }
  return flag;
}

/** Makes {@link requireWanted} throw from now on, in this thread and in the threads it has started. */
export function abandonWork(): void {
  Atomics.store(sharedFlag(), 0, 1);
}

export function isAbandoned(): boolean {
  return Atomics.load(sharedFlag(), 0) === 1;
}

/**
 * Called before each step that takes long or cannot be undone: running a network, writing a file.
 *
 * @throws AbandonedError after {@link abandonWork}
 */
export function requireWanted(): void {
  if (isAbandoned()) throw new AbandonedError();
}
