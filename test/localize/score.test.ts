import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { LoadedClassifier } from '../../src/classifier/load.js';
import { localizeCsv } from '../../src/localize/format.js';
import { PixelPrecision } from '../../src/metrics/boxes/pixel-precision.js';
import { boxAt, packBoxes } from '../../src/localize/record.js';
import type { LocalizeRecord } from '../../src/localize/record.js';
import { scoreBoxes } from '../../src/localize/score.js';
import { truthLogits } from '../../src/localize/truth-logits.js';

type Swept = readonly [boxes: readonly (readonly [number, number, number, number])[], best: number[]];

/** An image of 20 x 20 pixels with one class. Each variant has the boxes of four thresholds. */
function record(rank: number, ...variants: readonly Swept[]): LocalizeRecord {
  return {
    size: [20, 20],
    truths: [{ logit: 5, rank, boxes: [[0, 0, 9, 9]], best: variants.map(([, best]) => best) }],
    maps: [{ logit: 5, value: 1, rank, boxes: variants.map(([boxes]) => packBoxes(boxes)) }],
  };
}

// As evaluated, a box is one pixel larger to the right and bottom: [0, 0, 8, 8] is the true box itself.
const [exact, far, half] = [[0, 0, 8, 8], [12, 12, 18, 18], [0, 0, 8, 3]] as const;

describe('scoreBoxes', () => {
  // IoU of the largest: 1, 0, 0.5, 0; 0, 0.5, 0.5, 1; 0, 0, 1, 0.
  const records = [
    record(0, [[exact, far, half, far], [1, 0, 0.5, 0]]),
    record(3, [[far, half, half, exact], [0.1, 0.5, 0.7, 1]]),
    record(7, [[far, far, exact, far], [0.3, 0.29, 1, 0]]),
  ];

  it('chooses thresholds on the tuning images', () => {
    const [scores] = scoreBoxes({ variants: 1, tune: records.slice(0, 1), score: records, sawBoxes: false, steps: 4, bootstrap: 0, seed: 1 });
    expect(scores).toMatchObject({
      images: { tune: 1, score: 3 }, cases: 3, threshold: 0,
      // At step 0 only the first image has its box.
      gtKnown: { value: 1 / 3 }, loc1: { value: 1 / 3 }, loc5: { value: 1 / 3 }, top1: { value: 1 / 3 }, top5: { value: 2 / 3 },
      thresholdsV2: [0, 0, 0],
      // At step 2 all have; for IoU 0.7, step 2 has two.
      maxBoxAcc: 1,
    });
    // IoU 0.3: images 1 and 3; 0.5 and 0.7: image 1.
    expect(scores.boxAccuracyV2.value).toBeCloseTo((2 + 1 + 1) / 9, 12);
    // Step 2 for all three: 3, 3 and 2 images.
    expect(scores.maxBoxAccV2).toBeCloseTo((3 + 3 + 2) / 9, 12);
  });

  it('chooses them on the scored images otherwise', () => {
    const [scores] = scoreBoxes({ variants: 1, tune: records, score: records, sawBoxes: true, steps: 4, bootstrap: 200, seed: 1 });
    expect(scores).toMatchObject({ threshold: 0.5, gtKnown: { value: 1, low: 1, high: 1 }, loc1: { value: 1 / 3 }, loc5: { value: 2 / 3 } });
    expect(scores.thresholdsV2).toEqual([0.5, 0.5, 0.5]);
    // Of three images, one is right: a resample has none of it with probability 8/27, and all with 1/27. Two are: the reverse.
    expect([scores.loc1.low, scores.loc5.high]).toEqual([0, 1]);
  });
});

describe('variants', () => {
  // The first has the box of both images at step 0; the second that of image 1 at steps 1 and 3, that of image 2 at step 3.
  const first: Swept = [[exact, far, far, far], [1, 0, 0, 0]];
  const records = [
    record(0, first, [[far, half, far, exact], [0, 0.5, 0, 1]]),
    record(2, first, [[far, far, far, half], [0, 0, 0, 0.5]]),
    record(9, first, [[far, exact, far, far], [0, 1, 0, 0]]),
  ];
  const scores = scoreBoxes({ variants: 2, tune: records.slice(0, 2), score: records, sawBoxes: false, steps: 4, bootstrap: 4000, seed: 1 });

  it('have their own thresholds', () => {
    expect(scores.map(({ threshold }) => threshold)).toEqual([0, 0.75]);
    // For IoU 0.3 and 0.5 step 3 has both images, for 0.7 it has one, and no other step has any.
    expect(scores.map(({ thresholdsV2 }) => thresholdsV2)).toEqual([[0, 0, 0], [0.75, 0.75, 0.75]]);
  });

  it('are compared with the first one, on the same images', () => {
    const [one, two] = scores;
    expect([one.gtKnown.value, one.loc1.value, one.loc5.value, one.boxAccuracyV2.value]).toEqual([1, 1 / 3, 2 / 3, 1]);
    expect([two.gtKnown.value, two.loc1.value, two.loc5.value]).toEqual([2 / 3, 1 / 3, 2 / 3]);
    expect(one.gtKnown.difference).toBeUndefined();
    expect(two.gtKnown.difference?.value).toBeCloseTo(-1 / 3, 12);
    // (3 + 2 + 0) / 9 of IoU 0.3, 0.5 and 0.7 by image.
    expect(two.boxAccuracyV2.difference?.value).toBeCloseTo((3 + 2) / 9 - 1, 12);
    // Only image 3 differs. A resample of three images leaves it out with probability 8/27, has nothing else with 1/27.
    expect([two.gtKnown.difference?.low, two.gtKnown.difference?.high]).toEqual([-1, 0]);
    // Both variants have the same images right, so every resample agrees, although loc1 itself varies.
    expect(two.loc1.difference).toEqual({ value: 0, low: 0, high: 0 });
    expect([two.loc1.low, two.loc1.high]).toEqual([0, 1]);
  });

  it('are lines of CSV', () => {
    const lines = localizeCsv(scores, [{ name: 'a, b' }, { name: 'c' }]).trim().split('\n');
    expect(lines).toHaveLength(1 + 2 * 8);
    expect(lines[1]).toBe('"a, b",gtKnown,0,1,1,1,,,');
    expect(lines[9]).toBe(`c,gtKnown,0.75,${2 / 3},0,1,${2 / 3 - 1},-1,0`);
    expect(lines[10]).toBe(`c,loc1,0.75,${1 / 3},0,1,0,0,0`);
  });
});

describe('PxAP', () => {
  /** By the evaluator of Choe et al.: see test/fixtures/boxes/make_boxes.py. */
  const { steps, cases, scores: expected } = JSON.parse(readFileSync(new URL('../fixtures/boxes/boxes.json', import.meta.url), 'utf8')) as {
    steps: number; cases: Record<string, { map: string; mask: string }>; scores: { pxap: number };
  };
  const counted = Object.values(cases).map(({ map, mask }) => {
    const bytes = Buffer.from(map, 'base64');
    const precision = new PixelPrecision(steps);
    precision.add(Float32Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16LE(2 * i) / 4096), Uint8Array.from(Buffer.from(mask, 'base64')));
    const { inside, outside } = precision.counts;
    return { inside: Array.from(inside), outside: Array.from(outside) };
  });
  const zeros = Array.from({ length: steps }, () => 0);
  const withPixels = (...variants: (typeof counted)[number][]): LocalizeRecord => {
    const own = record(0, ...variants.map((): Swept => [[exact], zeros]));
    return { ...own, truths: [{ ...own.truths[0], pixels: variants }] };
  };
  const without = record(0, [[exact], zeros], [[exact], zeros], [[exact], zeros]);
  const options = { sawBoxes: false, steps, bootstrap: 50, seed: 1 };

  it('is that of the evaluator, over the images with masks', () => {
    const [{ pxap }] = scoreBoxes({ ...options, variants: 1, tune: [without], score: [...counted.map((own) => withPixels(own)), without] });
    expect(100 * pxap!.value).toBeCloseTo(expected.pxap, 9);
    expect(pxap!.cases).toBe(counted.length);
    expect(pxap!.low).toBeLessThan(pxap!.value);
    expect(pxap!.high).toBeGreaterThan(pxap!.value);
  });

  it('is compared with that of the first variant, on the same images', () => {
    // The other map has the same value everywhere: its PxAP is the share of the object, for all images and for each resample.
    const flat = counted.map(({ inside, outside }) => {
      const sum = (bins: number[]): number => bins.reduce((all, bin) => all + bin, 0);
      const [object, rest] = [sum(inside), sum(outside)];
      return { object, rest, inside: inside.map((_, bin) => (bin === 0 ? object : 0)), outside: outside.map((_, bin) => (bin === 0 ? rest : 0)) };
    });
    const [object, rest] = [flat.reduce((all, own) => all + own.object, 0), flat.reduce((all, own) => all + own.rest, 0)];
    const score = counted.map((own, i) => withPixels(own, { inside: flat[i].inside, outside: flat[i].outside }, own));
    const scores = scoreBoxes({ ...options, variants: 3, tune: [without], score });
    const [first, second, third] = scores.map(({ pxap }) => pxap!);
    expect([first.difference, second.cases]).toEqual([undefined, counted.length]);
    expect(second.value).toBeCloseTo(object / (object + rest), 12);
    expect(second.difference!.value).toBeCloseTo(object / (object + rest) - expected.pxap / 100, 9);
    expect(second.difference!.low!).toBeLessThan(second.difference!.value);
    expect(second.difference!.high!).toBeGreaterThan(second.difference!.value);
    // Equal maps have no difference in any resample, although PxAP itself varies.
    expect(third.difference).toEqual({ value: 0, low: 0, high: 0 });
    expect(third.low!).toBeLessThan(third.high!);
    expect(localizeCsv(scores, [{ name: 'a' }, { name: 'b' }, { name: 'c' }])).toContain(`\nb,pxap,,${second.value},`);
  });

  it('is absent without masks', () => {
    expect(scoreBoxes({ ...options, variants: 1, tune: [without], score: [without] })[0].pxap).toBeUndefined();
  });
});

describe('records', () => {
  it('keep the box of each threshold', () => {
    const boxes = [far, far, half, half, exact];
    const packed = packBoxes(boxes);
    expect(packed).toEqual([[0, ...far], [2, ...half], [4, ...exact]]);
    boxes.forEach((box, step) => { expect(boxAt(packed, step)).toEqual(box); });
  });
});

describe('truthLogits', () => {
  const classifier = (classes: string[]): LoadedClassifier => ({ path: 'net.onnx', spec: { classes } }) as unknown as LoadedClassifier;
  const plain = classifier(['tench', 'goldfish', 'shark']);
  const counted = classifier(['background', 'tench', 'goldfish', 'shark']);

  it('finds indices and names', () => {
    const logitOf = truthLogits(plain, ['1', 'Shark'], {});
    expect([logitOf('1'), logitOf('Shark')]).toEqual([1, 2]);
    expect(() => logitOf('3')).toThrow('the class 3 of the true boxes is the logit 3, but net.onnx has only 3');
    expect(() => logitOf('whale')).toThrow('net.onnx has no class \'whale\'');
  });

  it('asks whether indices count the background', () => {
    expect(() => truthLogits(counted, ['1'], {})).toThrow('the first class of net.onnx is the background');
    expect(truthLogits(counted, ['1'], { offset: 1 })('1')).toBe(2);
    expect(truthLogits(counted, ['1'], { offset: 0 })('1')).toBe(1);
    expect(truthLogits(counted, ['shark'], {})('shark')).toBe(3);
  });

  it('finds other names by their place', () => {
    const names = ['n01440764 tench, Tinca tinca', 'n01443537', 'great white'];
    const logitOf = truthLogits(counted, ['n01440764'], { names, offset: 1 });
    expect([logitOf('n01440764'), logitOf('n01443537'), logitOf('great white')]).toEqual([1, 2, 3]);
    expect(() => truthLogits(counted, ['n01440764'], { names })).toThrow('is the background');
  });
});
