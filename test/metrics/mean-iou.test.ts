import { describe, expect, it } from 'vitest';
import { ConfusionMatrix } from '../../src/metrics/confusion.js';
import { meanIou } from '../../src/metrics/mean-iou.js';
import { IGNORED_AS } from '../../src/metrics/scores.js';
import { readExpected } from './expected.js';

const expected = readExpected('expected.json');

describe('meanIou', () => {
  it.each(Object.keys(expected))('equals numpy: %s', (variant) => {
    const counts = Float64Array.from(expected[variant].matrix.flat());
    for (const policy of IGNORED_AS) {
      const perLabel = new Float64Array(21);
      expect(meanIou(counts, policy, perLabel)).toBeCloseTo(expected[variant].scores[policy].meanIou!, 12);
      expected[variant].scores[policy].labels.forEach(({ iou }, label) => {
        if (iou === null) expect(perLabel[label]).toBeNaN();
        else expect(perLabel[label]).toBeCloseTo(iou, 12);
      });
    }
  });

  it('is NaN where nothing is there', () => {
    expect(meanIou(new ConfusionMatrix().counts)).toBeNaN();
  });

  it('counts ignored pixels as it is told', () => {
    const { counts } = new ConfusionMatrix();
    counts[0] = 8;
    counts[21] = 2;
    expect(meanIou(counts)).toBeCloseTo(0.8, 12);
    expect(meanIou(counts, 'background')).toBe(1);
    expect(meanIou(counts, 'excluded')).toBe(1);
  });
});
