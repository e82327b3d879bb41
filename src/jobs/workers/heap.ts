import { setFlagsFromString } from 'node:v8';

/**
 * V8's option for room in the heaps of threads: MiB that a thread may hold before V8 looks for garbage in earnest. It begins
 * with a few, and a worker that has hardly any objects, but hands out large arrays for every photograph, then spends a
 * twentieth of its time on marking the same objects again and again.
 */
export const WORKER_HEAP = '--initial-old-space-size=64';

/**
 * Gives the threads that are started from now on {@link WORKER_HEAP}. For the whole process: a program's decision, not a
 * library's.
 */
export function setWorkerHeapSize(): void {
  setFlagsFromString(WORKER_HEAP);
}
