import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import type { InputSize } from '../../src/image/input-size.js';
import { formatInputSize, networkSize, parseInputSize } from '../../src/image/input-size.js';

const MANY = 2 ** 22;

describe('parseInputSize', () => {
  const sizes: [string, InputSize, string?][] = [
    ['native', { kind: 'native' }],
    ['short:320', { kind: 'short', pixels: 320 }],
    ['long:512', { kind: 'long', pixels: 512 }],
    ['short:320/32', { kind: 'short', pixels: 320, multiple: 32 }],
    ['long:512/16', { kind: 'long', pixels: 512, multiple: 16 }],
    ['short:320/1', { kind: 'short', pixels: 320 }, 'short:320'],
    ['fixed:224x320', { kind: 'fixed', size: [224, 320] }],
    ['fixed:224', { kind: 'fixed', size: [224, 224] }, 'fixed:224x224'],
  ];
  for (const [text, size, formatted] of sizes) {
    it(text, () => {
      expect(parseInputSize(text)).toEqual(size);
      expect(formatInputSize(size)).toBe(formatted ?? text);
    });
  }

  for (const text of ['', '320', 'short', 'short:', 'short:0', 'short:-5', 'short:3.5', 'short:320/', 'short:320/0', 'short:0/32', 'native/32', 'fixed:64/32', 'long:12px', 'fixed:0x5', 'fixed:5x0', 'fixed:5x', 'fixed:5x5x5', ' native', 'Native', 'wide:5']) {
    it(`refuses '${text}'`, () => {
      expect(() => parseInputSize(text)).toThrow(UserError);
      expect(() => parseInputSize(text)).toThrow(`'${text}' is not an input size`);
    });
  }
});

describe('networkSize', () => {
  const size = (photo: [number, number], text: string, maxPixels = MANY) => networkSize(photo, parseInputSize(text), maxPixels);

  it('native is the photograph\'s own size', () => {
    expect(size([375, 500], 'native')).toEqual({ size: [375, 500], limited: false });
    expect(size([1, 1], 'native')).toEqual({ size: [1, 1], limited: false });
  });

  it('short and long set one side and keep the shape', () => {
    // 500 * 320 / 375 = 426.67; 375 * 320 / 500 = 240.
    expect(size([375, 500], 'short:320')).toEqual({ size: [320, 427], limited: false });
    expect(size([500, 375], 'short:320')).toEqual({ size: [427, 320], limited: false });
    expect(size([375, 500], 'long:320')).toEqual({ size: [240, 320], limited: false });
    expect(size([500, 333], 'long:250')).toEqual({ size: [250, 167], limited: false });
    expect(size([1, 1], 'short:320')).toEqual({ size: [320, 320], limited: false });
  });

  it('both sides are rounded to multiples', () => {
    // 426.67 = 13.33 * 32; 480.48 = 15.02 * 32; 300 * 320 / 333 = 288.3 = 9.01 * 32.
    expect(size([375, 500], 'short:320/32')).toEqual({ size: [320, 416], limited: false });
    expect(size([500, 333], 'short:320/32')).toEqual({ size: [480, 320], limited: false });
    expect(size([300, 333], 'long:320/32')).toEqual({ size: [288, 320], limited: false });
    // Not to zero: 8 * 320 / 500 = 5.12.
    expect(size([8, 500], 'long:320/32')).toEqual({ size: [32, 320], limited: false });
    // At half the scale 160 x 213.3 = 6.67 * 32.
    expect(networkSize([375, 500], parseInputSize('short:320/32'), MANY, 0.5)).toEqual({ size: [160, 224], limited: false });
  });

  it('multiples are rounded down if the photograph is too large', () => {
    // 6000 x 8000 in 2^22 pixels: 1773.6 = 55.4 * 32, 2364.8 = 73.9 * 32.
    expect(size([6000, 8000], 'long:8000/32')).toEqual({ size: [1760, 2336], limited: true });
    // 10 x 20000 in 10,000 pixels: 2.2 and 4472.1; 10,000 / 32 = 312.5 = 9.8 * 32.
    expect(size([10, 20000], 'long:20000/32', 10000)).toEqual({ size: [32, 288], limited: true });
  });

  it('fixed is that size, whatever the photograph is', () => {
    expect(size([375, 500], 'fixed:224x320')).toEqual({ size: [224, 320], limited: false });
    expect(size([1, 5000], 'fixed:8', 10)).toEqual({ size: [8, 8], limited: false });
  });

  it('no side vanishes', () => {
    expect(size([2, 2000], 'long:100')).toEqual({ size: [1, 100], limited: false });
    expect(size([5000, 1], 'long:10')).toEqual({ size: [10, 1], limited: false });
  });

  it('what is too large is held down to the limit, in shape', () => {
    // 6000 x 8000 in 2^22 pixels: factor sqrt(2^22 / 48e6) = 0.29560, 1773.6 x 2364.8.
    expect(size([6000, 8000], 'native')).toEqual({ size: [1773, 2364], limited: true });
    expect(size([4096, 4096], 'native')).toEqual({ size: [2048, 2048], limited: true });
    expect(size([2048, 2048], 'native')).toEqual({ size: [2048, 2048], limited: false });
    // A strip: short:320 would make it 320 x 640000.
    expect(size([10, 20000], 'short:320')).toEqual({ size: [45, 91589], limited: true });
  });

  it('never exceeds the limit, however extreme the shape', () => {
    for (const photo of [[1, 10 ** 7], [3, 10 ** 6], [10 ** 8, 1], [7, 65535], [65535, 65535], [1, 1], [333, 500]] as [number, number][]) {
      for (const text of ['native', 'short:320', 'long:100000']) {
        for (const maxPixels of [1, 10, 1000, MANY]) {
          const { size: [height, width] } = size(photo, text, maxPixels);
          expect(height * width, `${photo.join('x')}, ${text}, at most ${maxPixels}`).toBeLessThanOrEqual(maxPixels);
          expect(Math.min(height, width)).toBeGreaterThanOrEqual(1);
        }
      }
    }
  });
});
