import { setFlagsFromString } from 'node:v8';

/**
 * Lets the threads that are started from now on hold this many MiB before V8 looks for garbage in earnest. It begins with a
 * few, and a worker that has hardly any objects, but hands out large arrays for every photograph, then spends a twentieth of
 * its time on marking the same objects again and again.
 *
 * For the whole process: a program's decision, not a library's.
 */
export function startThreadsWithRoom(megabytes = 64): void {
  setFlagsFromString(`--initial-old-space-size=${megabytes}`);
}
