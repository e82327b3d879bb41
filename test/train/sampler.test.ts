import { describe, expect, it } from 'vitest';
import { balancedOrder, batchCount, batchesOf, epochOrder, sequenceOf } from '../../src/train/sampler.js';

const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

describe('sequenceOf', () => {
  it('is the same for the same keys, and another for any other', () => {
    const head = (...keys: number[]): string => {
      const random = sequenceOf(...keys);
      return [random(), random(), random()].join();
    };
    expect(head(1, 2, 3)).toBe(head(1, 2, 3));
    const keys = [[], [0], [1], [0, 0], [0, 1], [1, 0], [1, 1], [2], [0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0], [31], [1, 31], [32, 0]];
    expect(new Set(keys.map((own) => head(...own))).size).toBe(keys.length);
  });

  it('neighbouring samples have first numbers that are uniform and do not go together', () => {
    // 5000 samples of an epoch: the mean of uniform numbers is 0.5 with a deviation of 0.2887 / sqrt(5000) = 0.0041, and
    // the correlation of independent neighbours is 0 with a deviation of 1 / sqrt(5000) = 0.0141.
    const firsts = Array.from({ length: 5000 }, (_, position) => sequenceOf(7, 3, position)());
    const mean = firsts.reduce((a, b) => a + b) / 5000;
    expect(Math.abs(mean - 0.5)).toBeLessThan(4 * 0.0041);
    const together = firsts.slice(1).reduce((sum, value, i) => sum + (value - 0.5) * (firsts[i] - 0.5), 0) / 4999 * 12;
    expect(Math.abs(together)).toBeLessThan(4 * 0.0141);
    expect(new Set(firsts).size).toBeGreaterThan(4990);
  });
});

describe('epochOrder', () => {
  it('holds each image once, in another order for each seed and epoch', () => {
    const orders = [epochOrder(50, 0, 0), epochOrder(50, 0, 1), epochOrder(50, 1, 0)];
    for (const order of orders) expect(ascending(order)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(new Set(orders.map(String)).size).toBe(3);
    expect(epochOrder(50, 0, 1)).toEqual(orders[1]);
  });
});

describe('balancedOrder', () => {
  // Class 0 has 90 images, class 1 has 9, class 2 has 1, class 3 none; each image has one class, so reasons can be counted.
  const labels = Array.from({ length: 100 }, (_, i) => [i < 90 ? 0 : i < 99 ? 1 : 2]);

  it('draws each class that has images equally often: 100 draws, three classes, 33 or 34 each', () => {
    const more = new Set<number>();
    for (let epoch = 0; epoch < 20; epoch++) {
      const order = balancedOrder(labels, 4, 5, epoch);
      const counts = [0, 0, 0];
      for (const image of order) counts[labels[image][0]]++;
      expect(ascending(counts)).toEqual([33, 33, 34]);
      more.add(counts.indexOf(34));
    }
    // Which class is drawn once more changes.
    expect(more.size).toBe(3);
  });

  it('goes through the images of a class before one comes again', () => {
    const times = new Array<number>(100).fill(0);
    for (const image of balancedOrder(labels, 4, 5, 0)) times[image]++;
    expect(Math.max(...times.slice(0, 90))).toBe(1);
    // 33 or 34 draws of 9 images.
    expect(Math.min(...times.slice(90, 99))).toBe(3);
    expect(Math.max(...times.slice(90, 99))).toBe(4);
  });

  it('reaches all images of a large class over the epochs', () => {
    const met = new Set(Array.from({ length: 20 }, (_, epoch) => balancedOrder(labels, 4, 5, epoch)).flat());
    // An image of class 0 is left out of 20 epochs with probability (57/90)^20 = 0.0001.
    expect(met.size).toBeGreaterThan(98);
  });

  it('mixes the classes: the rare one is not in one piece', () => {
    const at = balancedOrder(labels, 4, 5, 0).flatMap((image, i) => (image === 99 ? [i] : []));
    // 33 of 100 places at random lie in the first half 16.5 times, with a deviation of about 2.4.
    expect(Math.abs(at.filter((i) => i < 50).length - at.length / 2)).toBeLessThan(8);
  });

  it('draws images without a class once each, and the others for several classes', () => {
    // Ten images without class; ten of both classes: each class is the reason of five draws.
    const own = Array.from({ length: 20 }, (_, i) => (i < 10 ? [] : [0, 1]));
    const order = balancedOrder(own, 2, 0, 0);
    expect(order).toHaveLength(20);
    expect(ascending(order.filter((i) => i < 10))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(ascending(balancedOrder([[], [], []], 2, 0, 0))).toEqual([0, 1, 2]);
  });

  it('depends on seed and epoch alone', () => {
    expect(balancedOrder(labels, 4, 5, 2)).toEqual(balancedOrder(labels, 4, 5, 2));
    expect(balancedOrder(labels, 4, 5, 2)).not.toEqual(balancedOrder(labels, 4, 5, 3));
    expect(balancedOrder(labels, 4, 5, 2)).not.toEqual(balancedOrder(labels, 4, 6, 2));
  });
});

describe('batchesOf', () => {
  it.each([
    [[4, 2, 0, 1, 3], 2, [[4, 2], [0, 1]]],
    [[4, 2, 0, 1], 2, [[4, 2], [0, 1]]],
    [[1, 0], 3, [[1, 0]]],
    [[], 3, []],
  ])('%j by %i', (order, size, batches) => {
    expect(batchesOf(order, size)).toEqual(batches);
    expect(batchCount(order.length, size)).toBe(batches.length);
  });
});
