import type { ParameterGroup } from './parameters.js';

/** How a batch is spread over lanes: sessions side by side, each with images of its own. */
export interface BatchLanes {
  /** The images of each lane; they differ by one at the most. */
  readonly images: readonly number[];
  /** Threads within each lane. */
  readonly threads: number;
}

/**
 * Spreads a batch over as many lanes as there are threads to use, as far as it has images: lanes of one thread never wait
 * for each other within a pass.
 */
export function planBatchLanes(batchSize: number, threads: number): BatchLanes {
  const lanes = Math.min(threads, batchSize);
  const images = Array.from({ length: lanes }, (_, lane) => Math.floor((lane + 1) * batchSize / lanes) - Math.floor(lane * batchSize / lanes));
  return { images, threads: Math.floor(threads / lanes) };
}

/** A part of a group, [from, to). */
export interface GroupRange {
  readonly group: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Shares the numbers of all groups out among lanes, about equally many to each.
 *
 * @param whole groups are not cut
 */
export function shareNumbers(groups: readonly Pick<ParameterGroup, 'size'>[], lanes: number, whole: boolean): GroupRange[][] {
  const ends: number[] = [];
  for (const { size } of groups) ends.push((ends.at(-1) ?? 0) + size);
  const total = ends.at(-1) ?? 0;
  const cut = (lane: number): number => {
    const even = Math.floor(lane * total / lanes);
    return whole && lane < lanes ? [0, ...ends].findLast((end) => end <= even)! : even;
  };
  return Array.from({ length: lanes }, (_, lane) => groups.flatMap(({ size }, group) => {
    const start = ends[group] - size;
    const [from, to] = [Math.max(0, cut(lane) - start), Math.min(size, cut(lane + 1) - start)];
    return from < to ? [{ group, from, to }] : [];
  }));
}
