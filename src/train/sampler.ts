import { randomSequence, shuffled } from '../random.js';

/**
 * A separate random sequence for every list of whole numbers. The order of an epoch uses [seed, epoch], a sample
 * [seed, epoch, position in the epoch]. So a sample does not depend on the worker, or on earlier samples.
 */
export function sequenceOf(...keys: readonly number[]): () => number {
  let hash = keys.length;
  for (const key of keys) hash = scrambled(Math.imul(hash, 31) + scrambled(key + 0x9e3779b9));
  return randomSequence(hash);
}

/** A 32-bit number in which every bit depends on every bit of `value` (the finaliser of MurmurHash3). */
function scrambled(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** The numbers 0..count-1 in the order of an epoch, each once. */
export function epochOrder(count: number, seed: number, epoch: number): number[] {
  return shuffled(count, sequenceOf(seed, epoch));
}

/**
 * The order of a class-balanced epoch with as many draws as there are images. Each draw is for one class, and each class that
 * has images gets the same number of draws (or one more). A class draws all of its images in random order before it repeats
 * one. Images without a class are drawn once, as in a plain epoch.
 *
 * @param labels the classes of each image, indices 0..classCount-1
 * @returns indices of images
 */
export function balancedOrder(labels: readonly (readonly number[])[], classCount: number, seed: number, epoch: number): number[] {
  const random = sequenceOf(seed, epoch);
  const members: number[][] = Array.from({ length: classCount }, () => []);
  const draws: number[] = [];
  labels.forEach((own, image) => {
    if (own.length === 0) draws.push(image);
    for (const label of own) members[label].push(image);
  });
  // In random order, so that the extra draws do not always go to the same classes.
  const present = members.filter((images) => images.length > 0);
  const classes = shuffled(present.length, random).map((i) => present[i]);
  const wanted = labels.length - draws.length;
  classes.forEach((images, c) => {
    const share = Math.floor(wanted / classes.length) + (c < wanted % classes.length ? 1 : 0);
    let order: number[] = [];
    for (let i = 0; i < share; i++) {
      if (i % images.length === 0) order = shuffled(images.length, random);
      draws.push(images[order[i % images.length]]);
    }
  });
  return shuffled(draws.length, random).map((i) => draws[i]);
}

/** The number of batches of {@link batchesOf}. */
export function batchCount(samples: number, batchSize: number): number {
  return samples === 0 ? 0 : Math.max(1, Math.floor(samples / batchSize));
}

/** Splits an order into batches. An incomplete last batch is left out unless it is the only one. */
export function batchesOf(order: readonly number[], batchSize: number): number[][] {
  return Array.from({ length: batchCount(order.length, batchSize) }, (_, i) => order.slice(i * batchSize, (i + 1) * batchSize));
}
