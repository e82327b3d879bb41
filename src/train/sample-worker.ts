import { move, transferableSymbol, valueSymbol, workerData } from 'piscina';
import sharp from 'sharp';
import { messageOf, UserError } from '../errors.js';
import { runBatch } from '../jobs/workers/batch.js';
import { readSample } from './augment.js';
import type { SampleOptions } from './augment.js';
import { reasonLines } from './reasons.js';
import { sequenceOf } from './sampler.js';

/** What a worker needs for all of its batches. */
export interface SampleWorkerData extends SampleOptions {
  readonly seed: number;
}

/** One batch. */
export interface SampleTask {
  readonly epoch: number;
  /** The position in the epoch of the first sample. */
  readonly first: number;
  readonly paths: readonly string[];
}

/** The samples of a batch, or why there are none. */
export type SampleResult = {
  /** [N, 3, crop, crop] */
  readonly images: Float32Array;
  /** For each sample, the index of its photograph in the task: its own, or that of the one which took its place. */
  readonly taken: readonly number[];
  /** Every photograph that could not be read, once. */
  readonly failures: readonly { readonly path: string; readonly reason: string }[];
} | { readonly reason: string };

const data = workerData as SampleWorkerData;
sharp.concurrency(1);

/** Photographs of a batch under way at once: one is decoded, off this thread, while the other is put into its place. */
const UNDER_WAY = 2;

let turn: Promise<unknown> = Promise.resolve();

/**
 * The entry point of the worker: never throws, a failure is a result. Batches are made one after another, in the order
 * in which they came: the first is needed first.
 */
export default function run(task: SampleTask): Promise<unknown> {
  const result = turn.then(() => makeBatch(task)).catch((error: unknown): SampleResult => ({ reason: messageOf(error) }));
  turn = result;
  return result.then((value) => ('reason' in value ? value : moved(value, value.images)));
}

/** A result whose tensor goes to the other thread without being copied. */
function moved(value: SampleResult, { buffer }: Float32Array): unknown {
  return move({ [transferableSymbol]: [buffer], [valueSymbol]: value });
}

async function makeBatch({ epoch, first, paths }: SampleTask): Promise<SampleResult> {
  const { crop } = data.augmentation;
  const size = 3 * crop * crop;
  const images = new Float32Array(paths.length * size);
  const fill = (place: number, path: string): Promise<void> =>
    readSample(path, data, sequenceOf(data.seed, epoch, first + place), images.subarray(place * size, (place + 1) * size));

  const reasons = new Map<number, string>();
  await runBatch(paths.keys(), {
    concurrency: UNDER_WAY,
    run: (place) => fill(place, paths[place]).then(() => undefined, messageOf),
    done: (place, reason) => { if (reason !== undefined) reasons.set(place, reason); },
  });
  if (reasons.size === paths.length) {
    const lines = reasonLines([...reasons].map(([place, reason]) => ({ path: paths[place], reason })));
    throw new UserError([`none of the ${paths.length} photographs of a batch can be read: ${reasons.get(0)}`, ...paths.length > 1 ? lines : []].join('\n'));
  }

  const taken = [...paths.keys()];
  const failures = new Map<string, string>();
  for (const place of taken.filter((index) => reasons.has(index))) {
    failures.set(paths[place], reasons.get(place)!);
    // The next in the batch that is good, varied as the one whose place it takes would have been.
    let other = place;
    do other = (other + 1) % paths.length; while (reasons.has(other));
    await fill(place, paths[other]);
    taken[place] = other;
  }
  return { images, taken, failures: [...failures].map(([path, reason]) => ({ path, reason })) };
}
