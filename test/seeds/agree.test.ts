import { describe, expect, it } from 'vitest';
import { agreedLabels } from '../../src/seeds/agree.js';

const map = (...data: number[]) => ({ width: data.length, height: 1, data: Uint8Array.from(data) });

describe('agreedLabels', () => {
  it('keeps the labels that all label maps have, and 255 for the rest', () => {
    const first = map(0, 0, 7, 7, 255, 3);
    expect([...agreedLabels(first, [map(0, 7, 7, 0, 0, 3), map(0, 0, 7, 7, 255, 255)]).data]).toEqual([0, 255, 7, 255, 255, 255]);
    expect([...first.data]).toEqual([0, 0, 7, 7, 255, 3]);
  });

  it('refuses label maps of different sizes', () => {
    expect(() => agreedLabels(map(0, 0), [map(0)])).toThrow(new RangeError('one label map has 2 x 1 pixels, the other 1 x 1'));
  });
});
