import { describe, expect, it } from 'vitest';
import { VOC } from '../../src/datasets/classes/voc.js';
import { ConfusionMatrix } from '../../src/metrics/confusion.js';
import type { EvaluationResult } from '../../src/metrics/evaluate.js';
import { evaluationCsv, evaluationJson, evaluationMarkdown, imagesJson, imagesMarkdown, worstImages } from '../../src/metrics/format.js';
import { scoreImage, type ImageScore } from '../../src/metrics/score-pairs.js';
import { coverageOf, scoreAllWays } from '../../src/metrics/scores.js';

/** Scores of one image of one row. */
function resultOf(truth: number[], prediction: number[]): EvaluationResult {
  const matrix = new ConfusionMatrix();
  const [a, b] = [truth, prediction].map((data) => ({ width: data.length, height: 1, data: Uint8Array.from(data) }));
  matrix.add(a, b);
  return { classes: VOC, matrix, scores: scoreAllWays(matrix), coverage: coverageOf(matrix), scored: 1, failures: [], whiteVoid: 0, images: [] };
}

// Background: TP 1, FN 1. Cat (8): TP 2, FP 1. Dog (12) is only predicted, in place of a cat.
const result = resultOf([0, 0, 8, 8, 8], [0, 8, 8, 8, 12]);
const withIgnored = resultOf([0, 0, 8, 8], [0, 255, 8, 255]);

/** The lines of a table that hold a name, without the padding. */
const line = (text: string, name: string): string | undefined =>
  text.split('\n').find((candidate) => candidate.includes(name))?.replaceAll(/ +/g, ' ');

describe('evaluationMarkdown', () => {
  it('prints the scores of each class in percent, and says what the means run over', () => {
    const text = evaluationMarkdown(result, 'error');
    expect(line(text, 'precision')).toBe('| class | IoU | precision | recall | over | under |');
    expect(line(text, '| background')).toBe('| background | 50.00 | 100.00 | 50.00 | 0.00 | 50.00 |');
    expect(line(text, '| cat')).toBe('| cat | 50.00 | 66.67 | 66.67 | 25.00 | 25.00 |');
    expect(line(text, '| dog')).toBe('| dog | 0.00 | 0.00 | - | 100.00 | 0.00 |');
    expect(line(text, '| horse')).toBe('| horse | - | - | - | - | - |');
    expect(line(text, '**mean**')).toBe('| **mean** | 33.33 | 55.56 | 58.33 | 41.67 | 25.00 |');
    expect(line(text, 'mean over')).toBe('mean over 3 of 21 classes; absent: aeroplane, bicycle, bird, boat, bottle, bus, car, chair, cow, '
      + 'diningtable, horse, motorbike, person, pottedplant, sheep, sofa, train, tvmonitor; recall over the 2 in the ground truth');
    expect(text).toContain('Pixel accuracy: 60.00 %');
    expect(text).not.toContain('Coverage');
  });

  it('with ignored pixels shows the three ways of scoring them, and the coverage', () => {
    const text = evaluationMarkdown(withIgnored, 'background');
    expect(text).toContain('Pixels predicted as ignore (255) are scored as background:');
    expect(line(text, '| background')).toBe('| background | 66.67 | 66.67 | 100.00 | 33.33 | 0.00 |');
    expect(line(text, '| as errors')).toBe('| as errors | 50.00 | 0.00 | 50.00 | 50.00 | 2 |');
    expect(line(text, '| as background')).toBe('| as background | 58.33 | 16.67 | 25.00 | 75.00 | 2 |');
    expect(line(text, '| left out')).toBe('| left out | 100.00 | 0.00 | 0.00 | 100.00 | 2 |');
    expect(text).toContain('Coverage: 50.00 % of the valid pixels are predicted as a label.');
  });

  it('lines the columns of a table up', () => {
    const lengths = evaluationMarkdown(result, 'error').split('\n').filter((row) => row.startsWith('|')).map((row) => row.length);
    expect(lengths).toHaveLength(24);
    expect(new Set(lengths).size).toBe(1);
  });
});

describe('evaluationCsv', () => {
  it('has a line per class and policy, in full precision, with empty cells for NaN', () => {
    const lines = evaluationCsv(withIgnored).split('\n');
    expect(lines[0]).toBe('ignored_as,label,class,iou,precision,recall,over,under,tp,fp,fn');
    expect(lines).toHaveLength(1 + 3 * 22 + 1);
    expect(lines).toContain('error,0,background,0.5,1,0.5,0,0.5,1,0,1');
    expect(lines).toContain('background,0,background,0.6666666666666666,0.6666666666666666,1,0.3333333333333333,0,2,1,0');
    expect(lines).toContain('excluded,20,tvmonitor,,,,,,0,0,0');
    expect(lines).toContain('excluded,,mean,1,1,1,0,0,,,');
  });
});

describe('evaluationJson', () => {
  it('holds everything, with null for NaN', () => {
    const json = JSON.parse(JSON.stringify(evaluationJson(withIgnored))) as {
      pixels: unknown; coverage: number; confusion: number[][];
      scores: Record<string, { meanIou: number; present: string[]; classes: Record<string, unknown>[] }>;
    };
    expect(json.pixels).toEqual({ valid: 4, predicted: 2 });
    expect(json.coverage).toBe(0.5);
    expect(json.scores.background.meanIou).toBeCloseTo(7 / 12, 12);
    expect(json.scores.error.present).toEqual(['background', 'cat']);
    expect(json.scores.error.classes[8]).toMatchObject({ class: 'cat', label: 8, iou: 0.5, truePositives: 1, falseNegatives: 1 });
    expect(json.scores.error.classes[1]).toMatchObject({ class: 'aeroplane', iou: null, precision: null, recall: null });
    expect(json.confusion).toHaveLength(21);
    expect(json.confusion[8]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  });
});

describe('scores by image', () => {
  const images = [
    scoreImage('void', resultOf([255], [0]).matrix),
    scoreImage('full', resultOf([0, 9], [0, 9]).matrix),
    scoreImage('half', resultOf([0, 0, 8, 8], [0, 255, 8, 255]).matrix),
    scoreImage('zero', resultOf([0, 0], [3, 3]).matrix),
  ];

  it('puts the worst first, under the policy asked for, and images without a valid pixel last', () => {
    const order = (sorted: ImageScore[]): string[] => sorted.map(({ id }) => id);
    expect(order(worstImages(images, 'error'))).toEqual(['zero', 'half', 'full', 'void']);
    expect(order(worstImages(images, 'excluded'))).toEqual(['zero', 'full', 'half', 'void']);
  });

  it('prints mean IoU, coverage and the IoU of the classes that are there', () => {
    const text = imagesMarkdown(images, VOC, 'background');
    expect(line(text, '| half')).toBe('| half | 58.33 | 50.00 | background 66.67, cat 50.00 |');
    expect(line(text, '| zero')).toBe('| zero | 0.00 | 100.00 | background 0.00, bird 0.00 |');
    expect(line(text, '| void')).toBe('| void | - | - | - |');
  });

  it('as JSON names the classes', () => {
    expect(JSON.parse(JSON.stringify(imagesJson(images, VOC)))).toEqual([
      { id: 'void', coverage: null, meanIou: { error: null, background: null, excluded: null }, iou: { error: {}, background: {}, excluded: {} } },
      {
        id: 'full', coverage: 1, meanIou: { error: 1, background: 1, excluded: 1 },
        iou: { error: { background: 1, chair: 1 }, background: { background: 1, chair: 1 }, excluded: { background: 1, chair: 1 } },
      },
      {
        id: 'half', coverage: 0.5,
        meanIou: { error: 0.5, background: (2 / 3 + 1 / 2) / 2, excluded: 1 },
        iou: {
          error: { background: 0.5, cat: 0.5 }, background: { background: 2 / 3, cat: 0.5 }, excluded: { background: 1, cat: 1 },
        },
      },
      {
        id: 'zero', coverage: 1, meanIou: { error: 0, background: 0, excluded: 0 },
        iou: { error: { background: 0, bird: 0 }, background: { background: 0, bird: 0 }, excluded: { background: 0, bird: 0 } },
      },
    ]);
  });
});
