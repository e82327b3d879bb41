import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Adjustment } from '../../src/image/jitter.js';
import { jitter } from '../../src/image/jitter.js';

// By torchvision: see test/fixtures/train/make_jitter.py.
const fixture = JSON.parse(readFileSync(new URL('../fixtures/train/jitter.json', import.meta.url), 'utf8')) as {
  pixels: number[];
  cases: { adjustments: Adjustment[]; pixels: number[] }[];
};

describe('jitter', () => {
  it.each(fixture.cases)('as torchvision: $adjustments', ({ adjustments, pixels }) => {
    expect([...jitter(Uint8Array.from(fixture.pixels), adjustments)]).toEqual(pixels);
  });

  // Two pixels: (100, 200, 0), gray 0.2989 * 100 + 0.587 * 200 = 147.29, and (50, 50, 50), gray 0.9999 * 50 = 49.995.
  const two = Uint8Array.of(100, 200, 0, 50, 50, 50);

  it('brightness: towards black', () => {
    expect([...jitter(two, [{ kind: 'brightness', factor: 1.5 }])]).toEqual([150, 255, 0, 75, 75, 75]);
  });

  it('contrast: towards the mean of gray, (147.29 + 49.995) / 2 = 98.6425', () => {
    // Half of each value plus 49.32.
    expect([...jitter(two, [{ kind: 'contrast', factor: 0.5 }])]).toEqual([99, 149, 49, 74, 74, 74]);
  });

  it('saturation: towards the gray of each pixel', () => {
    // Half of each value plus 73.645, and half of 50 plus 24.9975.
    expect([...jitter(two, [{ kind: 'saturation', factor: 0.5 }])]).toEqual([124, 174, 74, 50, 50, 50]);
  });

  it('leaves the pixels it was given alone', () => {
    jitter(two, [{ kind: 'brightness', factor: 0 }]);
    expect([...two]).toEqual([100, 200, 0, 50, 50, 50]);
    expect(jitter(two, [])).toBe(two);
  });
});
