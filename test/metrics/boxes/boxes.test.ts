import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Box } from '../../../src/datasets/boxes/box-truth.js';
import { componentsOf } from '../../../src/export/shapes/components.js';
import { boxAccuracy, maxBoxAccuracy, V2_IOUS } from '../../../src/metrics/boxes/box-accuracy.js';
import { boxIou } from '../../../src/metrics/boxes/box.js';
import { bootstrapMeans, meanOf } from '../../../src/metrics/boxes/bootstrap-means.js';
import { PixelPrecision } from '../../../src/metrics/boxes/pixel-precision.js';
import { bestIou, evaluatedBox, sweepBoxes } from '../../../src/metrics/boxes/sweep-boxes.js';

interface Case {
  readonly map: string;
  readonly mask: string;
  readonly truth: readonly Box[];
  readonly largest: readonly (readonly number[])[];
  readonly best: readonly number[];
}

interface BoxScores {
  readonly maxBoxAcc: readonly number[];
  readonly curve: Readonly<Record<string, readonly number[]>>;
}

/** By the evaluator of Choe et al.: see test/fixtures/boxes/make_boxes.py. */
const fixture = JSON.parse(readFileSync(new URL('../../fixtures/boxes/boxes.json', import.meta.url), 'utf8')) as {
  side: number; steps: number; cases: Record<string, Case>; scores: { largest: BoxScores; best: BoxScores; pxap: number };
};
const { side, steps } = fixture;
const size = [side, side] as const;

function mapOf({ map }: Case): Float32Array {
  const bytes = Buffer.from(map, 'base64');
  return Float32Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16LE(2 * i) / 4096);
}

const cases = Object.entries(fixture.cases);

describe('sweepBoxes', () => {
  it.each(cases)('finds the boxes of OpenCV at every threshold: %s', (_, own) => {
    const { largest, best } = sweepBoxes(mapOf(own), size, own.truth, steps);
    const boxes = largest.map((box) => evaluatedBox(box, size));
    const expected = boxes.map((_box, step) => own.largest.filter(([from]) => from <= step).at(-1)!.slice(1));
    expect(boxes).toEqual(expected);
    own.best.forEach((iou, step) => { expect(best[step]).toBeCloseTo(iou, 12); });
  });

  it.each(cases)('finds a component at every threshold: %s', (_, own) => {
    const map = mapOf(own);
    const gray = map.map((value) => Math.floor(value * 255));
    const maximum = Math.max(...gray);
    sweepBoxes(map, size, [], steps).largest.forEach((box, step) => {
      const limit = Math.trunc(step * 0.01 * maximum);
      const found = componentsOf({ height: side, width: side, data: Uint8Array.from(gray, (value) => Number(value > limit)) });
      if (found.length === 0) expect(box).toEqual([0, 0, -1, -1]);
      else expect(found.map(({ left, top, right, bottom }) => [left, top, right, bottom].join())).toContain(box.join());
    });
  });

  it('does it by hand for a map of two components', () => {
    // 255, 127 and 51: at 0, above 0; at 0.25, above 63; at 0.5, above 127; at 0.75, above 191.
    const map = Float32Array.of(
      1, 1, 0, 0, 0, 0,
      1, 1, 0, 0.5, 0.5, 0.5,
      0, 0, 0, 0.5, 0.5, 0.5,
      0.2, 0, 0, 0.5, 0.5, 0.5,
    );
    const { largest } = sweepBoxes(map, [4, 6], [], 4);
    expect(largest).toEqual([[3, 1, 5, 3], [3, 1, 5, 3], [0, 0, 1, 1], [0, 0, 1, 1]]);
    // The evaluation's boxes are one pixel larger, but not beyond the edge.
    expect(evaluatedBox(largest[0], [4, 6])).toEqual([3, 1, 5, 3]);
    expect(evaluatedBox(largest[3], [4, 6])).toEqual([0, 0, 2, 2]);
    // 9 shared pixels of 9 and 4 x 3.
    expect(bestIou(largest[0], [4, 6], [[0, 0, 0, 0], [2, 1, 5, 3]])).toBeCloseTo(9 / 12, 12);
  });

  it('counts a hole as inside, by hand', () => {
    const rows = [
      '##### ####',
      '#   # ####',
      '#   # ####',
      '#   # ####',
      '##### ####',
    ];
    const map = Float32Array.from(rows.join(''), (cell) => Number(cell === '#'));
    // Through the centres of pixels, the outlines are 4 x 4 and 3 x 4.
    expect(sweepBoxes(map, [5, 10], [], 2).largest).toEqual([[0, 0, 4, 4], [0, 0, 4, 4]]);
    // With a gap in the ring there is no hole, and the outline follows a line: an area of 0.5 in each of the four corners.
    map[14] = 0;
    expect(sweepBoxes(map, [5, 10], [], 2).largest).toEqual([[6, 0, 9, 4], [6, 0, 9, 4]]);
  });

  it('refuses values outside 0..1', () => {
    expect(() => sweepBoxes(Float32Array.of(0, 1.5), [1, 2])).toThrow(RangeError);
    expect(() => sweepBoxes(Float32Array.of(0, NaN), [1, 2])).toThrow(RangeError);
    expect(() => sweepBoxes(Float32Array.of(0, -0.1), [1, 2])).toThrow(RangeError);
  });
});

describe('boxIou', () => {
  it.each<[Box, Box, number]>([
    [[0, 0, 9, 9], [0, 0, 9, 9], 1],
    [[0, 0, 9, 9], [5, 0, 14, 9], 50 / 150],
    [[0, 0, 4, 4], [5, 5, 9, 9], 0],
    [[0, 0, 4, 4], [4, 4, 8, 8], 1 / 49],
  ])('%j %j', (a, b, expected) => {
    expect(boxIou(a, b)).toBeCloseTo(expected, 12);
    expect(boxIou(b, a)).toBeCloseTo(expected, 12);
  });
});

describe('box accuracies', () => {
  it.each(['largest', 'best'] as const)('are those of the evaluator: %s', (which) => {
    const expected = fixture.scores[which];
    const ious = cases.map(([, own]) => {
      const { largest, best } = sweepBoxes(mapOf(own), size, own.truth, steps);
      return which === 'best' ? best : Float64Array.from(largest, (box) => bestIou(box, size, own.truth));
    });
    V2_IOUS.forEach((least, i) => {
      expect([...boxAccuracy(ious, least)].map((share) => Math.round(share * ious.length))).toEqual(expected.curve[String(100 * least)]);
      expect(100 * maxBoxAccuracy(ious, least).accuracy).toBeCloseTo(expected.maxBoxAcc[i], 9);
    });
  });

  it('keep the first of equal thresholds', () => {
    expect(maxBoxAccuracy([Float64Array.of(0.1, 0.6, 0.5), Float64Array.of(0.9, 0.5, 0.4)], 0.5)).toEqual({ accuracy: 1, step: 1 });
    expect(maxBoxAccuracy([Float64Array.of(0.5, 0.6, 0.5)], 0.5)).toEqual({ accuracy: 1, step: 0 });
  });
});

describe('PxAP', () => {
  it('is that of the evaluator', () => {
    const precision = new PixelPrecision(steps);
    for (const [, own] of cases) precision.add(mapOf(own), Uint8Array.from(Buffer.from(own.mask, 'base64')));
    expect(100 * precision.value).toBeCloseTo(fixture.scores.pxap, 9);
    // The same again does not change it.
    const twice = new PixelPrecision(steps);
    twice.addCounts(precision.counts, 2);
    expect(100 * twice.value).toBeCloseTo(fixture.scores.pxap, 9);
    expect(() => { new PixelPrecision(50).addCounts(precision.counts); }).toThrow(RangeError);
    expect(new PixelPrecision().value).toBeNaN();
  });

  it('by hand', () => {
    const precision = new PixelPrecision(2);
    precision.add(Float32Array.of(0.9, 0.6, 0.4, 0.1, 1), Uint8Array.of(1, 0, 1, 0, 255));
    // From 0.5 up: one of two pixels, recall 0.5. From 0 up: two of four, recall 1.
    expect(precision.value).toBeCloseTo(0.5 * 0.5 + 0.5 * 0.5, 12);
    expect(() => { precision.add(Float32Array.of(1), Uint8Array.of(1, 0)); }).toThrow(RangeError);
    expect(() => { precision.add(Float32Array.of(2), Uint8Array.of(1)); }).toThrow(RangeError);
  });
});

describe('bootstrapMeans', () => {
  it('weights images by how often they are drawn', () => {
    const score = { sums: Float64Array.of(1, 0, 2), counts: Float64Array.of(1, 1, 2) };
    expect(meanOf(score)).toBe(0.75);
    const draws = [[3, 0, 0], [0, 3, 0], [1, 1, 1], [0, 1, 2]];
    let next = 0;
    const [means] = bootstrapMeans([score], { resamples: 4, draw: (weights) => { weights.set(draws[next++]); } });
    expect([...means]).toEqual([1, 0, 0.75, 0.8]);
  });
});
