import { move, transferableSymbol, valueSymbol, workerData } from 'piscina';
import sharp from 'sharp';
import { messageOf, UserError } from '../errors.js';
import { runBatch } from '../jobs/workers/batch.js';
import { readSample } from './augment.js';
import type { SampleOptions } from './augment.js';
import { reasonLines } from './reasons.js';
import { sequenceOf } from './sampler.js';

/** The data of a worker, for all of its batches. */
export interface SampleWorkerData extends SampleOptions {
  readonly seed: number;
}

/** A batch to prepare. */
export interface SampleTask {
  readonly epoch: number;
  /** The position in the epoch of the first sample. */
  readonly first: number;
  readonly paths: readonly string[];
}

/** The samples of a batch, or the reason of its failure. */
export type SampleResult = {
  /** [N, 3, crop, crop] */
  readonly images: Float32Array;
  /** For each sample, the index in the task of its photograph or of the one that replaces it. */
  readonly taken: readonly number[];
  /** Every photograph that could not be read, once. */
  readonly failures: readonly { readonly path: string; readonly reason: string }[];
} | { readonly reason: string };

const data = workerData as SampleWorkerData;
sharp.concurrency(1);

/** Photographs prepared at once: one is decoded outside of this thread while the other is written to the batch. */
const UNDER_WAY = 2;

let turn: Promise<unknown> = Promise.resolve();

/**
 * The entry point of the worker. It never throws; a failure is a result. Batches are prepared one by one, in the order in
 * which they are needed.
 */
export default function run(task: SampleTask): Promise<unknown> {
  const result = turn.then(() => makeBatch(task)).catch((error: unknown): SampleResult => ({ reason: messageOf(error) }));
  turn = result;
  return result.then((value) => ('reason' in value ? value : moved(value, value.images)));
}

/** A result whose tensor is transferred to the other thread without a copy. */
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
    // The next readable photograph of the batch, with the augmentation of the one that it replaces.
    let other = place;
    do other = (other + 1) % paths.length; while (reasons.has(other));
    await fill(place, paths[other]);
    taken[place] = other;
  }
  return { images, taken, failures: [...failures].map(([path, reason]) => ({ path, reason })) };
}
