import { describe, expect, it } from 'vitest';
import type { Size } from '../../../src/size.js';
import { toCielab } from '../../../src/maps/refine/cielab.js';
import { slic } from '../../../src/maps/refine/slic.js';
import { slicSuperpixels } from '../../../src/maps/refine/superpixels.js';
import type { SlicOptions, Superpixels } from '../../../src/maps/refine/superpixels.js';
import { bytesOf, floatsOf, largestDifference, readRefine } from './fixtures.js';

interface SlicFixture {
  colours: string;
  lab: string;
  regions: { size: Size; image: string; truth: string; peer: { count: number; boundaryRecall: number; achievable: number } };
  brute: { size: Size; image: string; options: SlicOptions; labels: string };
}
const { colours, lab, regions, brute } = readRefine('slic') as SlicFixture;

/** The share of the true boundary that has a boundary of superpixels within one pixel. */
function boundaryRecall(labels: ArrayLike<number>, truth: ArrayLike<number>, [height, width]: Size): number {
  const isBoundary = (map: ArrayLike<number>, x: number, y: number): boolean => {
    if (x < 0 || y < 0 || x >= width || y >= height) return false;
    const p = y * width + x;
    return (x + 1 < width && map[p] !== map[p + 1]) || (y + 1 < height && map[p] !== map[p + width]);
  };
  let found = 0;
  let total = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!isBoundary(truth, x, y)) continue;
      total++;
      if ([-1, 0, 1].some((down) => [-1, 0, 1].some((right) => isBoundary(labels, x + right, y + down)))) found++;
    }
  }
  return found / total;
}

/** The accuracy reached by giving each superpixel its most frequent true region. */
function achievable({ labels, count }: Superpixels, truth: Uint8Array): number {
  const votes = Array.from({ length: count }, () => new Uint32Array(256));
  labels.forEach((label, i) => { votes[label][truth[i]]++; });
  return votes.reduce((sum, list) => sum + Math.max(...list), 0) / truth.length;
}

/** Pieces of equal labels that hang together by their sides. */
function pieces(labels: Int32Array, [height, width]: Size): number {
  const seen = new Uint8Array(labels.length);
  let count = 0;
  labels.forEach((label, start) => {
    if (seen[start] === 1) return;
    count++;
    const queue = [start];
    for (let p = queue.pop(); p !== undefined; p = queue.pop()) {
      if (seen[p] === 1 || labels[p] !== label) continue;
      seen[p] = 1;
      if (p % width > 0) queue.push(p - 1);
      if (p % width < width - 1) queue.push(p + 1);
      if (p >= width) queue.push(p - width);
      if (p < (height - 1) * width) queue.push(p + width);
    }
  });
  return count;
}

describe('CIELAB', () => {
  it('agrees with scikit-image', () => {
    expect(largestDifference(toCielab(bytesOf(colours)), floatsOf(lab))).toBeLessThan(2e-3);
  });

  it('has L = 0 for black, 100 for white, and no colour in grays', () => {
    const result = toCielab(Uint8Array.of(0, 0, 0, 255, 255, 255, 119, 119, 119));
    expect(largestDifference(result.subarray(0, 6), [0, 0, 0, 100, 0, 0])).toBeLessThan(0.02);
    expect(Math.hypot(result[7], result[8])).toBeLessThan(0.02);
  });
});

describe('SLIC', () => {
  it('gives the superpixels of a plain version in numpy', () => {
    const { labels } = slicSuperpixels(bytesOf(brute.image), brute.size, brute.options);
    expect([...labels]).toEqual([...new Int32Array(bytesOf(brute.labels).buffer)]);
  });

  it('follows edges as well as scikit-image', () => {
    const truth = bytesOf(regions.truth);
    const result = slicSuperpixels(bytesOf(regions.image), regions.size, { segments: regions.peer.count, compactness: 10, iterations: 10 });
    expect(boundaryRecall(result.labels, truth, regions.size)).toBeGreaterThanOrEqual(regions.peer.boundaryRecall - 0.01);
    expect(achievable(result, truth)).toBeGreaterThanOrEqual(regions.peer.achievable - 0.005);
    // Not with more superpixels, which would make it easy.
    expect(result.count).toBeLessThanOrEqual(regions.peer.count);
  });

  it('makes connected superpixels, numbered without gaps', () => {
    const { labels, count } = slicSuperpixels(bytesOf(regions.image), regions.size, { segments: 150, compactness: 1, iterations: 5 });
    expect(pieces(labels, regions.size)).toBe(count);
    expect(new Set(labels).size).toBe(count);
    expect(Math.max(...labels)).toBe(count - 1);
  });

  it('makes squares of a picture without edges', () => {
    const { labels, count } = slicSuperpixels(new Uint8Array(3 * 40 * 40).fill(90), [40, 40], { segments: 16, compactness: 10, iterations: 10 });
    const sizes = new Uint32Array(count);
    for (const label of labels) sizes[label]++;
    expect(count).toBe(16);
    // Pixels halfway between two centres may go to either.
    for (const size of sizes) expect(Math.abs(size - 100)).toBeLessThanOrEqual(21);
  });

  it.each([[1, 1], [1, 17], [13, 1], [3, 2]] as Size[])('takes a picture of %d x %d', (...size) => {
    const { labels } = slicSuperpixels(new Uint8Array(3 * size[0] * size[1]), size, { segments: 400, compactness: 10, iterations: 3 });
    expect(Math.min(...labels)).toBe(0);
  });
});

describe('voting', () => {
  it('gives every pixel of two plain halves the mean of its half', () => {
    // Two rows, left 2 columns black, right 2 white.
    const image = Uint8Array.from({ length: 2 * 4 * 3 }, (_, i) => (Math.floor(i / 3) % 4 < 2 ? 0 : 255));
    const map = Float32Array.of(0, 1, 0.5, 0.5, 0, 1, 0.25, 0.25);
    expect([...slic(map, image, [2, 4], { segments: 2, compactness: 1, iterations: 10 })]).toEqual([0.5, 0.5, 0.375, 0.375, 0.5, 0.5, 0.375, 0.375]);
  });
});
