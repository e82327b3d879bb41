import { describe, expect, it } from 'vitest';
import { areaUnderCurve, confidenceDrop, pixelsPerStep } from '../../../src/metrics/faithfulness/curve.js';
import { blurred } from '../../../src/metrics/faithfulness/blur.js';
import { fade, occlude, replace } from '../../../src/metrics/faithfulness/perturb.js';
import type { Perturbation, Picture } from '../../../src/metrics/faithfulness/perturb.js';
import { pixelsAbove, strongestFirst, strongestShare } from '../../../src/metrics/faithfulness/pixels.js';
import { classScore, isAmong } from '../../../src/metrics/faithfulness/score.js';
import { columnsOf, runTests, Subject } from '../../../src/metrics/faithfulness/tests.js';

/** Two channels of 2 x 2 pixels. */
const picture: Picture = { data: Float32Array.of(1, 2, 3, 4, 10, 20, 30, 40), size: [2, 2], fill: [-1, 0] };
const drawn = (draw: Perturbation): number[] => {
  const out = new Float32Array(8);
  draw(out);
  return [...out];
};

describe('the score of a class', () => {
  it('is its softmax and the number of larger logits', () => {
    // e^1 / (e^0 + e^1 + e^2 + e^2)
    const { confidence, rank } = classScore(Float32Array.of(0, 1, 2, 2), 1);
    expect(confidence).toBeCloseTo(2.718281828 / (1 + 2.718281828 + 2 * 7.389056099), 9);
    expect(rank).toBe(2);
    expect([1, 2, 3, 5].map((count) => isAmong(count, { confidence, rank }))).toEqual([0, 0, 1, 1]);
  });

  it('does not overflow, and the first of equal logits is the first choice', () => {
    expect(classScore(Float32Array.of(1000, 1000), 1)).toEqual({ confidence: 0.5, rank: 1 });
    expect(classScore(Float32Array.of(1000, 1000), 0)).toEqual({ confidence: 0.5, rank: 0 });
  });

  it('refuses what is not a number', () => {
    expect(() => classScore(Float32Array.of(1, NaN), 0)).toThrow('logit 1 is NaN');
    expect(() => classScore(Float32Array.of(1, Infinity), 0)).toThrow('not finite');
    expect(() => classScore(Float32Array.of(1, 2), 2)).toThrow('there is no logit 2');
  });
});

describe('pixels', () => {
  const map = Float32Array.of(0.5, 1, 0.25, 0.5, 0);

  it('are sorted by strength, equal ones by place', () => {
    expect([...strongestFirst(map)]).toEqual([1, 0, 3, 2, 4]);
    expect([...strongestShare(strongestFirst(map), 40)]).toEqual([1, 0]);
    expect([...strongestShare(strongestFirst(map), 100)]).toEqual([1, 0, 3, 2, 4]);
  });

  it('are above a threshold, not at it', () => {
    expect([...pixelsAbove(map, 0.25)]).toEqual([0, 1, 3]);
    expect([...pixelsAbove(map, 1)]).toEqual([]);
    expect([...pixelsAbove(map, 0)]).toEqual([0, 1, 2, 3]);
  });
});

describe('changed photographs', () => {
  it('are occluded by the colour of each channel', () => {
    expect(drawn(occlude(picture, Uint32Array.of(0, 3)))).toEqual([-1, 2, 3, -1, 0, 20, 30, 0]);
  });

  it('get pixels of another photograph', () => {
    const other = Float32Array.of(5, 6, 7, 8, 50, 60, 70, 80);
    expect(drawn(replace(picture, other, Uint32Array.of(1)))).toEqual([1, 6, 3, 4, 10, 60, 30, 40]);
  });

  it('fade to the colour', () => {
    // 1 -> all of it, 0 -> the colour, 0.5 -> half way, 2 is clipped to 1
    expect(drawn(fade(picture, Float32Array.of(1, 0, 0.5, 2)))).toEqual([1, -1, 1, 4, 10, 0, 15, 40]);
  });

  it('of one colour stay as they are when blurred with that colour outside', () => {
    const plain = { data: new Float32Array(2 * 9).fill(-1, 0, 9), size: [3, 3], fill: [-1, 0] } as const;
    expect([...blurred(plain)]).toEqual([...plain.data]);
  });
});

describe('numbers', () => {
  it('are the area under a curve by the trapezoid rule', () => {
    // (1 + 0.5) / 2 * 1/2 + (0.5 + 0.2) / 2 * 1/2
    expect(areaUnderCurve([1, 0.5, 0.2])).toBeCloseTo(0.55, 12);
    expect(areaUnderCurve([0.3, 0.3])).toBeCloseTo(0.3, 12);
  });

  it('are the share of confidence that is lost', () => {
    expect(confidenceDrop(0.8, 0.2)).toBeCloseTo(0.75, 12);
    expect(confidenceDrop(0.2, 0.8)).toBe(0);
    expect(confidenceDrop(0, 0)).toBe(0);
  });

  it('are steps that cover all pixels', () => {
    expect(pixelsPerStep(10, 3)).toBe(4);
    expect(pixelsPerStep(10, 224)).toBe(1);
  });
});

describe('tests of a map', () => {
  /** A classifier whose confidence is the share of pixels of the first channel that are as in the photograph. */
  const made = { hazy: () => new Float32Array(8), noise: () => new Float32Array(8) };
  const subject = new Subject(picture, Float32Array.of(0.1, 0.9, 0.4, 0.6), { confidence: 1, rank: 0 }, made);
  const road = { roadAreas: [], roadNoise: 0, roadTies: 'rows' } as const;
  const score = (pictures: readonly Perturbation[]) => Promise.resolve(pictures.map((draw) => {
    const confidence = drawn(draw).slice(0, 4).filter((value, i) => value === picture.data[i]).length / 4;
    return { confidence, rank: confidence > 0.5 ? 0 : 3 };
  }));

  it('count what is left', async () => {
    const options = { tests: ['occlusion', 'drop', 'deletion', 'insertion'], thresholds: [0.5], areas: [25], steps: 4, ...road } as const;
    expect(columnsOf(options).map(({ test, by, at, value }) => [test, by, at, value].filter((part) => part !== undefined).join(' '))).toEqual([
      'occlusion threshold 0.5 top-1', 'occlusion threshold 0.5 top-5', 'occlusion threshold 0.5 confidence', 'occlusion threshold 0.5 area',
      'occlusion area 25 top-1', 'occlusion area 25 top-5', 'occlusion area 25 confidence', 'occlusion area 25 area',
      'drop drop', 'drop increase', 'deletion auc', 'insertion auc',
    ]);
    // Two pixels are above 0.5. Of faded pixels, none is as before. Both curves go straight from 1 to 0 and from 0 to 1.
    const curves: [string, readonly number[]][] = [];
    const onCurve = (test: string, values: readonly number[]): void => { curves.push([test, values]); };
    expect(await runTests(subject, options, score, onCurve)).toEqual([0, 1, 0.5, 0.5, 1, 1, 0.75, 0.25, 1, 0, 0.5, 0.5]);
    expect(curves).toEqual([['deletion', [1, 0.75, 0.5, 0.25, 0]], ['insertion', [0, 0.25, 0.5, 0.75, 1]]]);
  });

  it('change all pixels in the last step, even if it is a short one', async () => {
    let last: number[] = [];
    await runTests(subject, { tests: ['deletion'], thresholds: [], areas: [], steps: 3, ...road }, async (pictures) => {
      expect(pictures).toHaveLength(3);
      last = drawn(pictures[2]);
      return score(pictures);
    });
    expect(last).toEqual([-1, -1, -1, -1, 0, 0, 0, 0]);
  });
});
