import { describe, expect, it } from 'vitest';
import type { InterpolationOptions } from '../../src/kernels/interpolation.js';
import { ThresholdSweep } from '../../src/metrics/sweep.js';
import type { Size } from '../../src/size.js';
import type { Histogram } from '../../src/kernels/map-kernels.js';
import { MapKernels } from '../../src/kernels/map-kernels.js';
import { floatsOf, largestDifference, readRefine } from '../maps/refine/fixtures.js';
import { noise, uniform } from '../random.js';

interface BilinearCase { from: Size; size: Size; alignCorners: boolean; maps: string; expected: string }

const positive = (count: number, seed: number): Float32Array => noise(count, seed, 0.5).map((value) => value + 0.5);

describe('upsampling', () => {
  it.each(readRefine('bilinear') as BilinearCase[])('of $from to $size is PyTorch\'s (align corners: $alignCorners)', ({ from, size, alignCorners, maps, expected }) => {
    const kernels = new MapKernels();
    const out = kernels.floats(size[0] * size[1]);
    const maximum = kernels.upsample(kernels.floatsFrom(floatsOf(maps)), kernels.grid(from, size, { upsample: 'bilinear', alignCorners }), out);
    expect(largestDifference(out.view, floatsOf(expected))).toBeLessThan(3e-7);
    expect(maximum).toBe(Math.max(...out.view));
  });

  it('by the nearest cell repeats it', () => {
    const kernels = new MapKernels();
    const out = kernels.floats(4 * 6);
    kernels.upsample(kernels.floatsFrom(Float32Array.of(1, 2, 3, 4, 5, 6)), kernels.grid([2, 3], [4, 6], { upsample: 'nearest', alignCorners: false }), out);
    expect([...out.view]).toEqual([1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 4, 4, 5, 5, 6, 6]);
  });

  it('sets, adds, or takes the maximum, of one map among several, and nothing beyond it', () => {
    const kernels = new MapKernels();
    const small = kernels.floatsFrom(Float32Array.of(9, 9, 1, 3));
    const out = kernels.floatsFrom(new Float32Array(3 * 5).fill(2));
    // Half-pixel centres: 1, 1.2, 2, 2.8, 3.
    const grid = kernels.grid([1, 2], [1, 5], { upsample: 'bilinear', alignCorners: false });
    const rows = (): number[][] => [0, 1, 2].map((i) => [...out.view.subarray(5 * i, 5 * i + 5)].map((value) => Number(value.toFixed(5))));
    expect(kernels.upsample(small, grid, out, { mode: 'max', index: 1 })).toBe(3);
    expect(rows()).toEqual([[2, 2, 2, 2, 2], [2, 2, 2, 2.8, 3], [2, 2, 2, 2, 2]]);
    expect(kernels.upsample(small, grid, out, { mode: 'add', weight: 0.5, index: 1 })).toBe(4.5);
    expect(rows()).toEqual([[2, 2, 2, 2, 2], [2.5, 2.6, 3, 4.2, 4.5], [2, 2, 2, 2, 2]]);
    expect(() => kernels.upsample(small, grid, out, { index: 2 })).toThrow(RangeError);
  });
});

describe('fusing', () => {
  const layers = [[11, 9], [5, 7], [3, 3]].map(([height, width], i) => ({ height, width, data: positive(2 * height * width, i + 1) }));
  const size: Size = [37, 53];

  /** Where pixel i of n lies among the cells, by definition; `nearest` takes one cell. */
  function position(i: number, pixels: number, cells: number, { upsample, alignCorners }: InterpolationOptions): number {
    const centre = alignCorners ? (i / (pixels - 1)) * (cells - 1) : ((i + 0.5) / pixels) * cells - 0.5;
    const inside = Math.min(Math.max(centre, 0), cells - 1);
    return upsample === 'nearest' ? Math.min(Math.floor(inside + 0.5), cells - 1) : inside;
  }

  /** The value of map k of a layer at a pixel, by definition. */
  function valueAt({ height, width, data }: (typeof layers)[number], k: number, y: number, x: number, options: InterpolationOptions): number {
    const [i, j] = [position(y, size[0], height, options), position(x, size[1], width, options)];
    const cell = (row: number, column: number): number => data[(k * height + Math.min(row, height - 1)) * width + Math.min(column, width - 1)];
    const [top, left] = [Math.floor(i), Math.floor(j)];
    const across = (row: number): number => (1 - (j - left)) * cell(row, left) + (j - left) * cell(row, left + 1);
    return (1 - (i - top)) * across(top) + (i - top) * across(top + 1);
  }

  it.each([
    ['max', 'bilinear', false], ['mean', 'bilinear', false], ['max', 'bilinear', true], ['mean', 'nearest', false], ['max', 'nearest', true],
  ] as const)('by %s of %s maps (align corners: %s) is what the definition says', (fuse, upsample, alignCorners) => {
    const options = { upsample, alignCorners };
    const expected = Float64Array.from({ length: 2 * size[0] * size[1] }, (_, p) => {
      const [k, y, x] = [Math.floor(p / (size[0] * size[1])), Math.floor(p / size[1]) % size[0], p % size[1]];
      const values = layers.map((layer) => valueAt(layer, k, y, x, options));
      return fuse === 'max' ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0) / values.length;
    });
    const kernels = new MapKernels();
    const parts = layers.map(({ height, width, data }) => ({ maps: kernels.floatsFrom(data), grid: kernels.grid([height, width], size, options) }));
    const out = kernels.floats(2 * size[0] * size[1]);
    const maxima = kernels.fuse(parts, 2, out, fuse);
    expect(largestDifference(out.view, expected)).toBeLessThan(3e-7);
    const half = size[0] * size[1];
    expect(largestDifference(maxima, [Math.max(...expected.subarray(0, half)), Math.max(...expected.subarray(half))])).toBeLessThan(3e-7);
  });
});

describe('element by element', () => {
  // Lengths around whole groups of four.
  it.each([1, 3, 4, 7, 8, 65])('%d numbers', (count) => {
    const kernels = new MapKernels();
    const [x, y] = [noise(count, 1), noise(count, 2)];
    const [a, b] = [kernels.floatsFrom(x), kernels.floatsFrom(y)];
    const beyond = kernels.floatsFrom(new Float32Array(5).fill(5));
    kernels.maxInto(a, b);
    expect([...a.view]).toEqual([...x.map((value, i) => Math.max(value, y[i]))]);
    kernels.addInto(a, b, 0.25);
    const sums = x.map((value, i) => Math.max(value, y[i]) + 0.25 * y[i]);
    expect(largestDifference(a.view, sums)).toBeLessThan(2e-7);
    const before = a.view.slice();
    kernels.scale(a, 0.1);
    expect([...a.view]).toEqual([...before.map((value) => Math.fround(value * Math.fround(0.1)))]);
    a.view.set(before);
    kernels.divide(a, 0.3);
    expect([...a.view]).toEqual([...before.map((value) => Math.fround(value / Math.fround(0.3)))]);
    expect(kernels.maximum(b)).toBe(Math.max(0, ...y));
    expect([...beyond.view]).toEqual([5, 5, 5, 5, 5]);
    expect(() => { kernels.maxInto(a, beyond); }).toThrow(RangeError);
  });
});

describe('maxima', () => {
  it('are the largest number of each map, at least 0', () => {
    const kernels = new MapKernels();
    expect([...kernels.maxima(kernels.floatsFrom(Float32Array.of(1, 5, 2, -3, -1, -2)), 2)]).toEqual([5, 0]);
  });
});

describe('the histogram', () => {
  /** What lies at [bin, slot, column], of counters that are not 0. */
  function counted({ rows, columns, counts }: Histogram): number[][] {
    return [...counts.view].flatMap((count, i) => (
      count === 0 ? [] : [[Math.floor(i / (rows * columns)), Math.floor(i / columns) % rows, i % columns, count]]));
  }

  function histogramOf(kernels: MapKernels, maps: Float32Array, truth: Uint8Array, { bins, classes }: { bins: number; classes: number }): Histogram {
    const histogram = kernels.histogram(bins, 21, classes);
    kernels.argmaxHistogram(kernels.floatsFrom(maps), kernels.bytesFrom(truth), histogram);
    return histogram;
  }

  it('counts by bin, true label and strongest class', () => {
    const kernels = new MapKernels();
    // Bins of a quarter: values on a bound belong below it. Two classes; equal maps: the first one.
    const maps = kernels.floatsFrom(Float32Array.of(0.25, 0.26, 0, 1, 0.5, 0.9, 0.1, /* second class */ 0.2, 0.5, 0, 0.75, 0.5, 0.8, 0.75));
    // Three true labels; slot 3 and above is not scored.
    const slots = kernels.bytesFrom(Uint8Array.of(0, 2, 1, 1, 1, 255, 0));
    const histogram = kernels.histogram(4, 3, 2);
    kernels.argmaxHistogram(maps, slots, histogram);
    expect(counted(histogram)).toEqual([
      [0, 0, 1, 1], // 0.25 of the first class
      [0, 1, 0, 1], // zero: background
      [1, 1, 1, 1], // 0.5 of both
      [1, 2, 2, 1], // 0.5 of the second class
      [2, 0, 2, 1], // 0.75 of the second class
      [3, 1, 1, 1], // 1
    ]);
    // Divided by its maximum 0.5, 0.2 is 0.4.
    const other = kernels.histogram(4, 1, 1);
    kernels.argmaxHistogram(kernels.floatsFrom(Float32Array.of(0.2)), kernels.bytesFrom(Uint8Array.of(0)), other, [0.5]);
    expect(counted(other)).toEqual([[1, 0, 1, 1]]);
  });

  it('keeps values beyond 0..1 in the outer bins', () => {
    const kernels = new MapKernels();
    const histogram = kernels.histogram(10, 1, 1);
    kernels.argmaxHistogram(kernels.floatsFrom(Float32Array.of(-1, 7, 1e30)), kernels.bytesFrom(new Uint8Array(3)), histogram);
    expect(counted(histogram)).toEqual([[0, 0, 0, 1], [9, 0, 1, 2]]);
  });

  it.each([
    [1, 1000, 100], [3, 1531, 100], [2, 513, 7], [20, 77, 256], [1, 1, 1],
  ])('of %d maps of %d pixels in %d bins is that of ThresholdSweep', (classes, pixels, bins) => {
    const next = uniform(classes + pixels);
    // Many values on bounds between bins, or where a product in float32 would be rounded onto them.
    const maps = Float32Array.from({ length: classes * pixels }, () => (next() < 0.3 ? Math.floor(next() * (bins + 1)) / bins : next()));
    const truth = Uint8Array.from({ length: pixels }, () => [0, 5, 20, 21, 255, Math.floor(next() * 21)][Math.floor(next() * 6)]);
    const labels = Array.from({ length: classes }, (_, k) => 20 - k);
    const best = new Float32Array(pixels);
    const winner = Uint8Array.from({ length: pixels }, (_, i) => {
      let first = 0;
      for (let k = 1; k < classes; k++) if (maps[k * pixels + i] > maps[first * pixels + i]) first = k;
      best[i] = maps[first * pixels + i];
      return labels[first];
    });
    const sweep = new ThresholdSweep(bins);
    sweep.add(truth, best, winner);
    const kernels = new MapKernels();
    // Every label has its own slot; 21 and 255 are beyond the last one.
    const { rows, columns, counts } = histogramOf(kernels, maps, truth, { bins, classes });
    const sums = new Float64Array(bins * 21 * 22);
    counts.view.forEach((count, i) => {
      const [bin, slot, column] = [Math.floor(i / (rows * columns)), Math.floor(i / columns) % rows, i % columns];
      sums[(bin * 21 + slot) * 22 + (column === 0 ? 0 : labels[column - 1])] += count;
    });
    const mine = new ThresholdSweep(bins);
    Object.assign(mine, { counts: sums });
    for (let step = 0; step <= bins; step++) expect([...mine.matrix(step).counts]).toEqual([...sweep.matrix(step).counts]);
  });

  it('refuses maps and pixels that do not go together', () => {
    const kernels = new MapKernels();
    const [maps, slots, histogram] = [kernels.floats(7), kernels.bytesFrom(new Uint8Array(4)), kernels.histogram(2, 1, 2)];
    expect(() => { kernels.argmaxHistogram(maps, slots, histogram); }).toThrow(RangeError);
  });
});
