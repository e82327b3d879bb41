import { describe, expect, it } from 'vitest';
import { didYouMean, nearest } from '../../src/text/nearest.js';

describe('nearest', () => {
  const presets = ['fast', 'best', 'layercam', 'irn'];

  // Edits counted by hand: a swap, a letter too many, one too few, another one, capitals.
  it.each([['bset', 'best'], ['fasst', 'fast'], ['layrcam', 'layercam'], ['layer-cam', 'layercam'], ['bast', 'fast'], ['BEST', 'best'], ['irm', 'irn']])('%s means %s', (word, wanted) => {
    expect(nearest(word, presets)).toBe(wanted);
  });

  it('does not guess at words that are far from all', () => {
    for (const word of ['quick', '', 'b', 'layercamlayercam', 'x'.repeat(1e6)]) expect(nearest(word, presets)).toBeUndefined();
    expect(nearest('anything', [])).toBeUndefined();
  });

  it('takes the nearest, the first of equals', () => {
    expect(nearest('gradcam', ['cam', 'grad-cam++', 'grad-cam', 'xgrad-cam'])).toBe('grad-cam');
    expect(nearest('ab', ['ac', 'ad'])).toBe('ac');
  });

  it('is told in words', () => {
    expect(didYouMean('bset', presets)).toBe('did you mean best?');
    expect(didYouMean('quick', presets)).toBe('give one of fast, best, layercam, irn');
  });
});
