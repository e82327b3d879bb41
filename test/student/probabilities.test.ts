import { describe, expect, it } from 'vitest';
import { addSeeds, maskedSoftmax } from '../../src/student/probabilities.js';

describe('maskedSoftmax', () => {
  it('is the softmax over the channels that are kept', () => {
    // Cells: e^0 : e^ln 3 = 1 : 3, then e^1000 : e^1000 = 1 : 1. Channel 1 is left out, however large it is.
    const logits = Float32Array.from([0, 1000, 50, 2000, Math.log(3), 1000]);
    expect([...maskedSoftmax(logits, 2, [0, 2])].map((p) => p.toFixed(6))).toEqual(['0.250000', '0.500000', '0.750000', '0.500000']);
    expect([...maskedSoftmax(logits, 2, [2, 0])].map((p) => p.toFixed(6))).toEqual(['0.750000', '0.500000', '0.250000', '0.500000']);
  });
});

describe('addSeeds', () => {
  it('adds one-hot labels with a weight, and leaves ignored pixels as they are', () => {
    // (0.2 + 0.25) / 1.25 = 0.36, 0.8 / 1.25 = 0.64; 0.2 / 1.25 = 0.16, (0.8 + 0.25) / 1.25 = 0.84.
    const probabilities = { height: 1, width: 3, data: Float32Array.from([0.2, 0.2, 0.2, 0.8, 0.8, 0.8]) };
    addSeeds(probabilities, [7], { width: 3, height: 1, data: Uint8Array.from([0, 7, 255]) }, 0.25);
    expect([...probabilities.data].map((p) => p.toFixed(6))).toEqual(['0.360000', '0.160000', '0.200000', '0.640000', '0.840000', '0.800000']);
  });

  it('takes the label at the centre of each cell of a coarser grid', () => {
    const probabilities = { height: 1, width: 1, data: Float32Array.from([0.5, 0.5]) };
    // The centre of the only cell, (1.5, 1.5), lies in the pixel in row 1 and column 1.
    addSeeds(probabilities, [3], { width: 3, height: 3, data: Uint8Array.from([0, 0, 0, 0, 3, 0, 0, 0, 0]) }, 1);
    expect([...probabilities.data]).toEqual([0.25, 0.75]);
  });
});
