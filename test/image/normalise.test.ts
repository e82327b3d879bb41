import { describe, expect, it } from 'vitest';
import { mirrored, placeInTensor, toTensor } from '../../src/image/normalise.js';

// One row of two pixels: (0, 51, 102) and (255, 204, 153).
const pixels = Uint8Array.of(0, 51, 102, 255, 204, 153);

describe('toTensor', () => {
  it('RGB: (x / 255 - mean) / std, plane by plane', () => {
    const tensor = toTensor(pixels, [1, 2], { channelOrder: 'rgb', scale: 1 / 255, mean: [0.5, 0.2, 0.4], std: [0.5, 0.25, 0.1] });
    // R: (0 - 0.5) / 0.5, (1 - 0.5) / 0.5; G: (0.2 - 0.2) / 0.25, (0.8 - 0.2) / 0.25; B: (0.4 - 0.4) / 0.1, (0.6 - 0.4) / 0.1.
    [-1, 1, 0, 2.4, 0, 2].forEach((value, i) => { expect(tensor[i]).toBeCloseTo(value, 5); });
    expect(tensor).toHaveLength(6);
  });

  it('BGR: blue first, and so are means', () => {
    const tensor = toTensor(pixels, [1, 2], { channelOrder: 'bgr', scale: 1, mean: [104, 117, 123], std: [1, 1, 1] });
    expect([...tensor]).toEqual([102 - 104, 153 - 104, 51 - 117, 204 - 117, 0 - 123, 255 - 123]);
  });

  it('keeps rows: the second row is behind the first in each plane', () => {
    const tensor = toTensor(Uint8Array.of(1, 2, 3, 4, 5, 6), [2, 1], { channelOrder: 'rgb', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] });
    expect([...tensor]).toEqual([1, 4, 2, 5, 3, 6]);
  });

  it('x / 127.5 - 1 for MobileNet', () => {
    const tensor = toTensor(Uint8Array.of(0, 255, 51), [1, 1], { channelOrder: 'rgb', scale: 1 / 127.5, mean: [1, 1, 1], std: [1, 1, 1] });
    [-1, 1, -0.6].forEach((value, i) => { expect(tensor[i]).toBeCloseTo(value, 6); });
  });
});

describe('placeInTensor', () => {
  const raw = { channelOrder: 'bgr', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] } as const;
  const picture = Uint8Array.of(1, 2, 3, 4, 5, 6);

  it.each([[false, [3, 6], [2, 5], [1, 4]], [true, [6, 3], [5, 2], [4, 1]]])('puts a row of two pixels into 2 x 4, mirrored: %s', (flip, b, g, r) => {
    const tensor = new Float32Array(3 * 2 * 4).fill(-1);
    placeInTensor(picture, [1, 2], raw, tensor, 4, { at: [1, 1], flip });
    const empty = [-1, -1, -1, -1];
    expect([...tensor]).toEqual([b, g, r].flatMap((pair) => [...empty, -1, ...pair, -1]));
  });
});

describe('mirrored', () => {
  it('turns every row around', () => {
    const tensor = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    expect([...mirrored(tensor, 3)]).toEqual([3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10]);
    expect([...tensor.subarray(0, 3)]).toEqual([1, 2, 3]);
  });
});
