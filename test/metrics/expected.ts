import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { coverageOf, IGNORED_AS, scoreMatrix, type IgnoredAs } from '../../src/metrics/scores.js';
import type { ConfusionMatrix } from '../../src/metrics/confusion.js';

/** A score as the fixture stores it: `null` stands for NaN. */
type Score = number | null;

interface ExpectedScores {
  readonly labels: readonly Readonly<Record<'iou' | 'precision' | 'recall' | 'overActivation' | 'underActivation', Score>>[];
  readonly absent: readonly number[];
  readonly meanIou: Score;
  readonly meanPrecision: Score;
  readonly meanRecall: Score;
  readonly meanOverActivation: Score;
  readonly meanUnderActivation: Score;
  readonly pixelAccuracy: Score;
}

/** What numpy found for one set of predictions (see test/fixtures/metrics/make_metrics.py). */
export interface Expected {
  readonly matrix: readonly (readonly number[])[];
  readonly coverage: Score;
  readonly scores: Readonly<Record<IgnoredAs, ExpectedScores>>;
  readonly images: Readonly<Record<string, { readonly coverage: Score; readonly meanIou: Readonly<Record<IgnoredAs, Score>> }>>;
}

export const fixtures = fileURLToPath(new URL('../fixtures/metrics/', import.meta.url));

export function readExpected(name: string): Record<string, Expected> {
  return JSON.parse(readFileSync(`${fixtures}${name}`, 'utf8')) as Record<string, Expected>;
}

/** Equal to 1e-9, or both NaN. */
export function expectScore(actual: number, expected: Score, what: string): void {
  if (expected === null) expect(actual, what).toBeNaN();
  else expect(Math.abs(actual - expected), `${what}: ${actual} and ${expected}`).toBeLessThanOrEqual(1e-9);
}

/** Compares the counts and every score of a matrix with numpy's. */
export function expectMatrix(matrix: ConfusionMatrix, expected: Expected): void {
  expect(matrix.rows()).toEqual(expected.matrix);
  expectScore(coverageOf(matrix).share, expected.coverage, 'coverage');
  for (const policy of IGNORED_AS) {
    const actual = scoreMatrix(matrix, policy);
    const wanted = expected.scores[policy];
    expect(actual.absent).toEqual(wanted.absent);
    for (const key of ['meanIou', 'meanPrecision', 'meanRecall', 'meanOverActivation', 'meanUnderActivation', 'pixelAccuracy'] as const) {
      expectScore(actual[key], wanted[key], `${policy} ${key}`);
    }
    for (const [label, scores] of wanted.labels.entries()) {
      for (const key of ['iou', 'precision', 'recall', 'overActivation', 'underActivation'] as const) {
        expectScore(actual.labels[label][key], scores[key], `${policy} ${key} of label ${label}`);
      }
    }
  }
}
