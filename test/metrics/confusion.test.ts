import { describe, expect, it } from 'vitest';
import { ConfusionMatrix } from '../../src/metrics/confusion.js';
import type { LabelMap } from '../../src/datasets/label-map.js';
import { uniform } from '../random.js';

const map = (width: number, ...data: number[]): LabelMap => ({ width, height: data.length / width, data: Uint8Array.from(data) });
const total = (matrix: ConfusionMatrix): number => matrix.counts.reduce((sum, count) => sum + count, 0);

describe('ConfusionMatrix', () => {
  it('counts truth by row and prediction by column, with a column for ignored predictions', () => {
    const matrix = new ConfusionMatrix();
    matrix.add(map(3, 0, 0, 5, 5, 20, 20), map(3, 0, 5, 5, 255, 20, 0));
    expect(matrix.at(0, 0)).toBe(1);
    expect(matrix.at(0, 5)).toBe(1);
    expect(matrix.at(5, 5)).toBe(1);
    expect(matrix.at(5, 21)).toBe(1);
    expect(matrix.at(20, 20)).toBe(1);
    expect(matrix.at(20, 0)).toBe(1);
    expect(total(matrix)).toBe(6);
  });

  it('leaves out pixels whose ground truth is 255, whatever is predicted there', () => {
    const matrix = new ConfusionMatrix();
    matrix.add(map(2, 255, 255, 255, 1), map(2, 0, 7, 255, 1));
    expect(total(matrix)).toBe(1);
    expect(matrix.at(1, 1)).toBe(1);
  });

  it('merges to the matrix of all pairs, beyond the range of 32-bit counts', () => {
    const counts = new Float64Array(21 * 22);
    counts[0] = 2 ** 52;
    const matrix = new ConfusionMatrix(counts);
    const other = new ConfusionMatrix();
    other.add(map(3, 0, 0, 3), map(3, 0, 3, 3));
    matrix.merge(other);
    expect(matrix.at(0, 0)).toBe(4503599627370497);
    expect(matrix.at(0, 3)).toBe(1);
    expect(matrix.at(3, 3)).toBe(1);
  });

  it.each([21, 100, 254])('refuses the value %i, naming the file and the pixel, and adds nothing', (value) => {
    const matrix = new ConfusionMatrix();
    const names = { truth: 'gt/a.png', prediction: 'seeds/a.png' };
    expect(() => matrix.add(map(2, 0, 0, 0, 0), map(2, 0, 0, 0, value), names))
      .toThrow(`seeds/a.png contains the value ${value} at x = 1, y = 1, which is not a label`);
    expect(() => matrix.add(map(2, 0, value, 0, 0), map(2, 0, 0, 0, 0), names))
      .toThrow(`gt/a.png contains the value ${value} at x = 1, y = 0, which is not a label`);
    expect(total(matrix)).toBe(0);
  });

  it('refuses a value that is no label even where the ground truth is void', () => {
    expect(() => new ConfusionMatrix().add(map(1, 255), map(1, 21))).toThrow('contains the value 21');
  });

  it('refuses maps of different sizes with both sizes, also when the number of pixels is the same', () => {
    const wide = map(4, 0, 0, 0, 0, 0, 0, 0, 0);
    const tall = map(2, 0, 0, 0, 0, 0, 0, 0, 0);
    expect(() => new ConfusionMatrix().add(wide, tall, { truth: 'gt/a.png', prediction: 'seeds/a.png' }))
      .toThrow('sizes differ: the prediction seeds/a.png is 2 x 4 pixels (width x height), the ground truth gt/a.png is 4 x 2 pixels');
  });

  it('refuses counts of another shape', () => {
    expect(() => new ConfusionMatrix(new Float64Array(441))).toThrow(RangeError);
  });
});

it('counts every pixel once, whatever the lengths of runs and the place in memory', () => {
  const random = uniform(5);
  for (const [length, offset] of [[1, 0], [7, 0], [64, 0], [1001, 0], [1000, 1], [999, 2], [2048, 3]]) {
    const values = (): Uint8Array => {
      const data = new Uint8Array(length + offset).subarray(offset);
      // Runs of one to ten pixels, so that four equal ones lie at every place.
      for (let i = 0, value = 0, left = 0; i < length; i++, left--) {
        if (left <= 0) [value, left] = [[0, 3, 20, 255][Math.floor(random() * 4)], 1 + Math.floor(random() * 10)];
        data[i] = value;
      }
      return data;
    };
    const [truth, prediction] = [values(), values()];
    const expected = new Float64Array(21 * 22);
    truth.forEach((label, i) => { if (label !== 255) expected[label * 22 + (prediction[i] === 255 ? 21 : prediction[i])]++; });
    const matrix = new ConfusionMatrix();
    matrix.add({ width: length, height: 1, data: truth }, { width: length, height: 1, data: prediction });
    expect([...matrix.counts], `${length} from ${offset}`).toEqual([...expected]);
  }
});
