import { describe, expect, it } from 'vitest';
import { ClassSet } from '../../../src/datasets/classes/class-set.js';
import { countCells, writeTargets } from '../../../src/train/segment/targets.js';
import { refusal } from '../../helpers.js';

const classes = new ClassSet({ name: 'test', classes: ['a', 'b', 'c'] });

/** A map of 8 x 4 pixels: two cells. */
const map = {
  width: 8, height: 4,
  data: Uint8Array.from([
    0, 0, 2, 2, 2, 2, 255, 255,
    0, 0, 2, 2, 2, 2, 255, 255,
    0, 0, 0, 0, 255, 255, 255, 255,
    0, 0, 0, 0, 255, 255, 255, 255,
  ]),
};

describe('the labels of a seed in cells of 4 x 4 pixels', () => {
  it('are counted; ignored pixels are not', () => {
    expect(countCells(map, [2], [4, 8], classes)).toEqual({ labels: [0, 2], counts: Uint8Array.of(12, 0, 4, 4), total: 20 });
  });

  it('include the classes of the image, and others that the seed has', () => {
    expect(countCells(map, [3], [4, 8], classes)).toEqual({ labels: [0, 2, 3], counts: Uint8Array.of(12, 0, 4, 4, 0, 0), total: 20 });
  });

  it('are taken at the centres of the pixels of another size', () => {
    // Every second pixel per axis, from the second on: (1, 1), (1, 3), (1, 5), ... and twice each row.
    const { counts, total } = countCells(map, [2], [4, 4], classes);
    expect([...counts]).toEqual([2 + 4, 4]);
    expect(total).toBe(10);
  });

  it('must be labels of the class set', () => {
    expect(refusal(() => countCells({ ...map, data: map.data.map((label) => label + 3) }, [], [4, 8], classes)).message).toBe('the seed contains the value 5, which is not a label');
  });
});

describe('targets', () => {
  it('are shares of all labelled pixels of the batch, mirrored if the view is', () => {
    const counted = countCells(map, [2], [4, 8], classes);
    const into = new Float32Array(8).fill(9);
    writeTargets(counted, 2, false, 40, into);
    expect([...into]).toEqual([12 / 40, 0, 0, 0, 4 / 40, 4 / 40, 0, 0].map(Math.fround));
    writeTargets(counted, 2, true, 40, into);
    expect([...into]).toEqual([0, 12 / 40, 0, 0, 4 / 40, 4 / 40, 0, 0].map(Math.fround));
  });
});
