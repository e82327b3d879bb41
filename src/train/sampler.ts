import { randomSequence, shuffled } from '../random.js';

/**
 * A random sequence of its own for every list of whole numbers. The order of an epoch uses [seed, epoch], a sample
 * [seed, epoch, position in the epoch]: it does not matter who computes a sample, or what was computed before it.
 */
export function sequenceOf(...keys: readonly number[]): () => number {
  let hash = keys.length;
  for (const key of keys) hash = scrambled(Math.imul(hash, 31) + scrambled(key + 0x9e3779b9));
  return randomSequence(hash);
}

/** A whole number of 32 bits of which every bit depends on every bit of the one given (the finish of MurmurHash3). */
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
 * The order of an epoch in which the classes count alike: as many draws as there are images, each made for the sake of a
 * class, and each class that has images is the reason of equally many (one more or less where that does not come out
 * even). A class goes through its images in random order before one comes again. Images without a class are drawn once
 * each, as they would be in a plain epoch.
 *
 * @param labels for each image its classes, indices 0..classCount-1
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
  // In random order, so that it is not always the same classes that are drawn once more.
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

/** How many batches {@link batchesOf} makes. */
export function batchCount(samples: number, batchSize: number): number {
  return samples === 0 ? 0 : Math.max(1, Math.floor(samples / batchSize));
}

/** Cuts an order into batches. An incomplete last batch is left out, unless it is the only one. */
export function batchesOf(order: readonly number[], batchSize: number): number[][] {
  return Array.from({ length: batchCount(order.length, batchSize) }, (_, i) => order.slice(i * batchSize, (i + 1) * batchSize));
}
