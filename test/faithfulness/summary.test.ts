import { describe, expect, it } from 'vitest';
import type { Variant } from '../../src/variants/variant.js';
import { faithfulnessCsv, faithfulnessMarkdown } from '../../src/faithfulness/format.js';
import { summarise } from '../../src/faithfulness/summary.js';
import type { Column } from '../../src/metrics/faithfulness/tests.js';

const variants = [{ name: 'grad-cam' }, { name: 'layer-cam, fused' }] as unknown as Variant[];
const columns: Column[] = [{ test: 'occlusion', by: 'area', at: 10, value: 'top-1' }, { test: 'deletion', value: 'auc' }];
const records = [
  { class: 3, plain: [1, 1, 0.75], variants: [[1, 0.5], [0, 0.25]] },
  { class: 5, plain: [0, 1, 0.25], variants: [[1, 0.25], [1, 0.125]] },
];

describe('means over photographs', () => {
  it('are plain means', () => {
    const { photographs, plain, variants: [first, second] } = summarise(records, variants, columns, { bootstrap: 0, seed: 1 });
    expect(photographs).toBe(2);
    expect(plain).toEqual([{ value: 'top-1', mean: 0.5 }, { value: 'top-5', mean: 1 }, { value: 'confidence', mean: 0.5 }]);
    expect(first.means).toEqual([{ column: columns[0], mean: 1 }, { column: columns[1], mean: 0.375 }]);
    expect(second.means.map(({ mean, difference }) => [mean, difference?.mean])).toEqual([[0.5, -0.5], [0.1875, -0.1875]]);
  });

  it('are of curves too, whatever their numbers of points', () => {
    const [a, b] = records;
    const curved = [{ ...a, curves: [{ deletion: [1, 0.5, 0] }, {}] }, { ...b, curves: [{ deletion: [0.5, 0.25] }, {}] }];
    const { variants: [first, second] } = summarise(curved, variants, columns, { bootstrap: 0, seed: 1 });
    // The second one is 0.375 halfway.
    expect([first.curves, second.curves]).toEqual([{ deletion: [0.75, 0.4375, 0.125] }, undefined]);
    expect(summarise([curved[0], b], variants, columns, { bootstrap: 0, seed: 1 }).variants[0].curves).toBeUndefined();
  });

  it('have intervals, and differences are paired', () => {
    const { variants: [first, second] } = summarise(records, variants, columns, { bootstrap: 1000, seed: 1 });
    // Of two photographs, a resample has the first twice, the second twice, or both: the extremes are 1/4 of the draws each.
    expect(first.means[1].interval).toEqual({ low: 0.25, high: 0.5 });
    expect(first.means[0].interval).toEqual({ low: 1, high: 1 });
    // Unpaired, the difference could be 0.125 - 0.5 or 0.25 - 0.25.
    expect(second.means[1].difference?.interval).toEqual({ low: -0.25, high: -0.125 });
  });
});

describe('results as text', () => {
  it('are CSV', () => {
    expect(faithfulnessCsv(summarise(records, variants, columns, { bootstrap: 0, seed: 1 }))).toBe([
      'variant,test,by,at,value,mean,low,high,difference,difference_low,difference_high',
      'unchanged,,,,top-1,0.5,,,,,', 'unchanged,,,,top-5,1,,,,,', 'unchanged,,,,confidence,0.5,,,,,',
      'grad-cam,occlusion,area,10,top-1,1,,,,,', 'grad-cam,deletion,,,auc,0.375,,,,,',
      '"layer-cam, fused",occlusion,area,10,top-1,0.5,,,-0.5,,', '"layer-cam, fused",deletion,,,auc,0.1875,,,-0.1875,,', '',
    ].join('\n'));
  });

  it('are tables in percent', () => {
    const text = faithfulnessMarkdown(summarise(records, variants, columns, { bootstrap: 0, seed: 1 }));
    expect(text).toContain('2 photographs, unchanged: top-1 50.00, top-5 100.00, confidence 50.00 (in %)');
    expect(text).toContain('The strongest 10 % of the pixels are occluded (lower is better):');
    expect(text).toContain('| layer-cam, fused |  50.00 |');
    expect(text).toContain('| grad-cam         |    37.50 |');
  });
});
