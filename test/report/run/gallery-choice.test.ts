import { describe, expect, it } from 'vitest';
import { chooseImages, choiceText } from '../../../src/report/run/gallery-choice.js';

describe('chooseImages', () => {
  const ids = ['a', 'b', 'c', 'd', 'e'];
  const scores: Record<string, number | undefined> = { a: 0.5, b: 0.1, c: NaN, d: 0.9, e: 0.3 };
  const choose = (most: number, choice: 'worst' | 'best' | 'random' | 'first'): string[] => chooseImages(ids, (id) => scores[id], most, choice);

  it('takes the worst, the best or the first, in the order of the list', () => {
    expect(choose(2, 'worst')).toEqual(['b', 'e']);
    expect(choose(2, 'best')).toEqual(['a', 'd']);
    expect(choose(2, 'first')).toEqual(['a', 'b']);
    // What has no score comes last either way.
    expect(choose(4, 'worst')).toEqual(['a', 'b', 'd', 'e']);
    expect(choose(4, 'best')).toEqual(['a', 'b', 'd', 'e']);
    expect(choose(9, 'worst')).toEqual(ids);
  });

  it('is told in words', () => {
    expect(choiceText(40, 1464, 'worst', true)).toBe('40 of 1,464 images: those with the lowest mean IoU. The scores above include all images with ground truth.');
    expect(choiceText(40, 1464, 'best', true)).toContain('those with the highest mean IoU');
    expect(choiceText(40, 1464, 'random', true)).toContain('drawn at random');
    expect(choiceText(40, 1464, 'first', true)).toContain('the first of the list');
    // Without a ground truth there is no worst one, and there are no scores.
    expect(choiceText(2, 3, 'worst', false)).toBe('2 of 3 images: the first of the list.');
    expect(choiceText(2, 3, 'random', false)).toBe('2 of 3 images: drawn at random.');
  });

  it('takes the same random ones each time, spread over the list', () => {
    const many = Array.from({ length: 1000 }, (_, i) => `2007_${String(i).padStart(6, '0')}`);
    const chosen = chooseImages(many, () => 0.5, 100, 'random');
    expect(chosen).toHaveLength(100);
    expect(chooseImages(many, () => 0.5, 100, 'random')).toEqual(chosen);
    const first = chosen.filter((id) => many.indexOf(id) < 500).length;
    expect(first).toBeGreaterThan(30);
    expect(first).toBeLessThan(70);
  });
});
