import type { ParameterGroup } from './parameters.js';

/** How a batch is spread over workers: sessions side by side, each with images of its own. */
export interface BatchWorkers {
  /** The images of each worker; they differ by one at the most. */
  readonly images: readonly number[];
  /** Threads within each worker. */
  readonly threads: number;
}

/**
 * Spreads a batch over as many workers as there are threads to use, as far as it has images: workers of one thread never wait
 * for each other within a pass.
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
 * Shares the numbers of all groups out among workers, about equally many to each.
 *
 * @param whole groups are not cut
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
