import { describe, expect, it } from 'vitest';
import type { QueriedImage, Query } from '../../../src/report/client/query.js';
import { selectImages } from '../../../src/report/client/query.js';

describe('order and filter of the gallery', () => {
  const scoreOf = (mean: number | null): QueriedImage['scores'][number] => (mean === null ? null : { mean: { error: mean } });
  const image = (id: string, labels: number[], ...means: (number | null)[]): QueriedImage => ({ id, labels, scores: means.map(scoreOf) });
  const images = [image('b1', [12], 0.5, 0.75), image('A2', [8, 15], 0.25, 0.125), image('c3', [12, 15], null, 0.5), image('a4', [], 0.875, 0.875)];
  const select = (query: Partial<Query>): string => (
    selectImages(images, { sort: 'id', label: 0, text: '', way: 'error', ...query }).map(({ id }) => id).join(' '));

  it('sorts by IoU, difference, id and number of classes; what has no score comes last', () => {
    expect(select({ sort: 'worst' })).toBe('A2 b1 a4 c3');
    expect(select({ sort: 'best' })).toBe('a4 b1 A2 c3');
    // Differences: b1 -0.25, A2 +0.125, a4 0.
    expect(select({ sort: 'less:1' })).toBe('b1 a4 A2 c3');
    expect(select({ sort: 'more:1' })).toBe('A2 a4 b1 c3');
    expect(select({ sort: 'id' })).toBe('A2 a4 b1 c3');
    expect(select({ sort: 'most' })).toBe('A2 c3 b1 a4');
    expect(select({ sort: 'fewest' })).toBe('a4 b1 A2 c3');
  });

  it('filters by class and by a part of the id', () => {
    expect(select({ label: 12 })).toBe('b1 c3');
    expect(select({ text: ' A ' })).toBe('A2 a4');
    expect(select({ label: 15, text: 'c' })).toBe('c3');
    expect(select({ text: 'zzz' })).toBe('');
  });
});
