import { describe, expect, it } from 'vitest';
import { ConfusionMatrix } from '../../src/metrics/confusion.js';
import { coverageOf, IGNORED_AS, scoreAllWays, scoreMatrix } from '../../src/metrics/scores.js';

/** The matrix of images of 2 x 2 pixels, given as [truth, prediction]. */
function matrixOf(...pairs: [truth: number[], prediction: number[]][]): ConfusionMatrix {
  const matrix = new ConfusionMatrix();
  for (const [truth, prediction] of pairs) {
    const [a, b] = [truth, prediction].map((data) => ({ width: 2, height: 2, data: Uint8Array.from(data) }));
    matrix.add(a, b);
  }
  return matrix;
}

const others = (...labels: number[]): number[] => [...Array(21).keys()].filter((label) => !labels.includes(label));

describe('scores by hand', () => {
  it('without ignored pixels', () => {
    // truth 0 0 1 1, predicted 0 1 1 1: background TP 1, FN 1; class 1 TP 2, FP 1.
    const matrix = matrixOf([[0, 0, 1, 1], [0, 1, 1, 1]]);
    const { error, background, excluded } = scoreAllWays(matrix);
    expect(error.labels[0]).toEqual({
      label: 0, truePositives: 1, falsePositives: 0, falseNegatives: 1,
      iou: 1 / 2, precision: 1, recall: 1 / 2, overActivation: 0, underActivation: 1 / 2,
    });
    expect(error.labels[1]).toEqual({
      label: 1, truePositives: 2, falsePositives: 1, falseNegatives: 0,
      iou: 2 / 3, precision: 2 / 3, recall: 1, overActivation: 1 / 3, underActivation: 0,
    });
    expect(error.meanIou).toBeCloseTo(7 / 12, 12);
    expect(error.meanPrecision).toBeCloseTo(5 / 6, 12);
    expect(error.meanRecall).toBeCloseTo(3 / 4, 12);
    expect(error.meanOverActivation).toBeCloseTo(1 / 6, 12);
    expect(error.meanUnderActivation).toBeCloseTo(1 / 4, 12);
    expect(error.pixelAccuracy).toBe(3 / 4);
    expect(error.present).toEqual([0, 1]);
    expect(error.absent).toEqual(others(0, 1));
    expect({ ...background, ignoredAs: 'error' }).toEqual(error);
    expect({ ...excluded, ignoredAs: 'error' }).toEqual(error);
    expect(coverageOf(matrix)).toEqual({ valid: 4, predicted: 4, share: 1 });
  });

  it('sums the pixels of all images before the ratio is taken', () => {
    // Background: TP 2 in one image; TP 2, FP 2 in the other. The mean of the images' IoUs would be (1 + 1/2) / 2 = 3/4.
    const { labels } = scoreMatrix(matrixOf([[0, 0, 1, 1], [0, 0, 1, 1]], [[0, 0, 1, 1], [0, 0, 0, 0]]), 'error');
    expect(labels[0].iou).toBe(4 / 6);
    expect(labels[1].iou).toBe(2 / 4);
  });

  describe('truth 0 0 1 1, predicted 0 255 1 255', () => {
    const matrix = matrixOf([[0, 0, 1, 1], [0, 255, 1, 255]]);

    it('as an error: a false negative of the true class, and no false positive', () => {
      const scores = scoreMatrix(matrix, 'error');
      expect(scores.labels[0]).toMatchObject({
        truePositives: 1, falsePositives: 0, falseNegatives: 1, iou: 1 / 2, precision: 1, recall: 1 / 2,
      });
      expect(scores.labels[1]).toMatchObject({
        truePositives: 1, falsePositives: 0, falseNegatives: 1, iou: 1 / 2, precision: 1, recall: 1 / 2,
      });
      expect(scores.meanIou).toBe(1 / 2);
      expect(scores.meanUnderActivation).toBe(1 / 2);
      expect(scores.meanOverActivation).toBe(0);
      expect(scores.pixelAccuracy).toBe(1 / 2);
    });

    it('as background: right where the truth is background, else a false positive of background', () => {
      const scores = scoreMatrix(matrix, 'background');
      expect(scores.labels[0]).toMatchObject({
        truePositives: 2, falsePositives: 1, falseNegatives: 0, iou: 2 / 3, precision: 2 / 3, recall: 1,
      });
      expect(scores.labels[1]).toMatchObject({
        truePositives: 1, falsePositives: 0, falseNegatives: 1, iou: 1 / 2, precision: 1, recall: 1 / 2,
      });
      expect(scores.meanIou).toBeCloseTo(7 / 12, 12);
      expect(scores.pixelAccuracy).toBe(3 / 4);
    });

    it('excluded: only decided pixels count, with half of the pixels covered', () => {
      const scores = scoreMatrix(matrix, 'excluded');
      expect(scores.labels[0]).toMatchObject({ truePositives: 1, falsePositives: 0, falseNegatives: 0, iou: 1, precision: 1, recall: 1 });
      expect(scores.labels[1]).toMatchObject({ truePositives: 1, falsePositives: 0, falseNegatives: 0, iou: 1 });
      expect(scores.meanIou).toBe(1);
      expect(scores.pixelAccuracy).toBe(1);
      expect(coverageOf(matrix)).toEqual({ valid: 4, predicted: 2, share: 1 / 2 });
    });
  });

  it('a class that is only predicted has IoU 0 and counts in the mean; its recall is NaN', () => {
    const scores = scoreMatrix(matrixOf([[0, 0, 0, 0], [0, 0, 0, 9]]), 'error');
    expect(scores.labels[9]).toEqual({
      label: 9, truePositives: 0, falsePositives: 1, falseNegatives: 0,
      iou: 0, precision: 0, recall: NaN, overActivation: 1, underActivation: 0,
    });
    expect(scores.meanIou).toBe((3 / 4 + 0) / 2);
    expect(scores.meanRecall).toBe(3 / 4);
    expect(scores.absent).toEqual(others(0, 9));
  });

  it('a class that is never predicted has IoU 0 and counts in the mean; its precision is NaN', () => {
    const scores = scoreMatrix(matrixOf([[0, 0, 0, 9], [0, 0, 0, 0]]), 'error');
    expect(scores.labels[9]).toMatchObject({ iou: 0, precision: NaN, recall: 0, overActivation: 0, underActivation: 1 });
    expect(scores.meanIou).toBe(3 / 8);
    expect(scores.meanPrecision).toBe(3 / 4);
  });

  it('a class whose pixels are all predicted as ignore is missed as an error, and absent when excluded', () => {
    const matrix = matrixOf([[0, 0, 0, 4], [0, 0, 0, 255]]);
    expect(scoreMatrix(matrix, 'error')).toMatchObject({ present: [0, 4], meanIou: 1 / 2 });
    expect(scoreMatrix(matrix, 'background')).toMatchObject({ present: [0, 4], meanIou: 3 / 8 });
    expect(scoreMatrix(matrix, 'excluded')).toMatchObject({ present: [0], meanIou: 1 });
  });

  it('everything predicted as ignore: 0 as an error, and nothing to score when excluded', () => {
    const matrix = matrixOf([[0, 0, 2, 2], [255, 255, 255, 255]]);
    expect(scoreMatrix(matrix, 'error')).toMatchObject({ meanIou: 0, pixelAccuracy: 0, present: [0, 2], meanPrecision: NaN });
    expect(scoreMatrix(matrix, 'background')).toMatchObject({ meanIou: 1 / 4, pixelAccuracy: 1 / 2 });
    expect(scoreMatrix(matrix, 'excluded')).toMatchObject({ meanIou: NaN, pixelAccuracy: NaN, present: [] });
    expect(coverageOf(matrix)).toEqual({ valid: 4, predicted: 0, share: 0 });
  });

  it.each([
    ['no image', matrixOf()],
    ['a ground truth of only 255', matrixOf([[255, 255, 255, 255], [0, 1, 255, 20]])],
  ])('%s: every score is NaN and every label absent', (_, matrix) => {
    for (const ignoredAs of IGNORED_AS) {
      const scores = scoreMatrix(matrix, ignoredAs);
      expect(scores).toMatchObject({
        meanIou: NaN, meanPrecision: NaN, meanRecall: NaN, meanOverActivation: NaN, meanUnderActivation: NaN, pixelAccuracy: NaN,
        present: [], absent: others(),
      });
      expect(scores.labels.map(({ iou }) => iou)).toEqual(others().map(() => NaN));
    }
    expect(coverageOf(matrix)).toEqual({ valid: 0, predicted: 0, share: NaN });
  });
});
