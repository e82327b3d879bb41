import { setFlagsFromString } from 'node:v8';

/**
 * V8's option for the initial heap size of threads, in MiB: a thread's heap may grow to this before major garbage
 * collections. V8's default is a few MiB. A worker with few objects, but large arrays for every photograph, then spends 5 % of
 * its time marking the same objects again and again.
 */
export const WORKER_HEAP = '--initial-old-space-size=64';

/**
 * Applies {@link WORKER_HEAP} to threads that are started from now on. It affects the whole process, so the program must call
 * it. The library does not.
 */
export function setWorkerHeapSize(): void {
  setFlagsFromString(WORKER_HEAP);
}
