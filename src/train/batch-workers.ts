import type { ParameterGroup } from './parameters.js';

/** How a batch is split among workers that run at the same time, each with its own session and images. */
export interface BatchWorkers {
  /** The number of images of each worker. The numbers differ by at most one. */
  readonly images: readonly number[];
  /** Threads per worker. */
  readonly threads: number;
}

/**
 * Splits a batch among workers: one per thread, but not more than there are images. Workers with one thread never wait for each
 * other within a pass.
 */
export function planBatchWorkers(batchSize: number, threads: number): BatchWorkers {
  const workers = Math.min(threads, batchSize);
  const startOf = (worker: number): number => Math.floor(worker * batchSize / workers);
  const images = Array.from({ length: workers }, (_, worker) => startOf(worker + 1) - startOf(worker));
  return { images, threads: Math.floor(threads / workers) };
}

/** A part of a group, [from, to). */
export interface GroupRange {
  readonly group: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Splits the numbers of all groups into about equal shares, one for each worker.
 *
 * @param whole do not split a group
 */
export function shareNumbers(groups: readonly Pick<ParameterGroup, 'size'>[], workers: number, whole: boolean): GroupRange[][] {
  const ends: number[] = [];
  for (const { size } of groups) ends.push((ends.at(-1) ?? 0) + size);
  const total = ends.at(-1) ?? 0;
  const cut = (worker: number): number => {
    const even = Math.floor(worker * total / workers);
    return whole && worker < workers ? [0, ...ends].findLast((end) => end <= even)! : even;
  };
  return Array.from({ length: workers }, (_, worker) => groups.flatMap(({ size }, group) => {
    const start = ends[group] - size;
    const [from, to] = [Math.max(0, cut(worker) - start), Math.min(size, cut(worker + 1) - start)];
    return from < to ? [{ group, from, to }] : [];
  }));
}
