import { csvCell } from '../text/csv.js';
import { describeVariant } from '../variants/variant.js';
import type { Variant } from '../variants/variant.js';
import type { LocalizeScores, Score } from './score.js';

/** The names of the scores in tables. */
export const SCORE_TITLES = {
  gtKnown: 'GT-known', loc1: 'loc1', loc5: 'loc5', boxAccuracyV2: 'BoxAccV2', maxBoxAcc: 'MaxBoxAcc', maxBoxAccV2: 'MaxBoxAccV2', pxap: 'PxAP', top1: 'top-1 class', top5: 'top-5 class',
} as const;

/** The name of a score. */
export type ScoreName = keyof typeof SCORE_TITLES;

/** The scores that were measured, each with its interval if it has one. PxAP needs masks. */
export function measuredScores(scores: LocalizeScores): { readonly name: ScoreName; readonly score: Score }[] {
  return (Object.keys(SCORE_TITLES) as ScoreName[]).flatMap((name) => {
    const score = scores[name];
    return score === undefined ? [] : [{ name, score: typeof score === 'number' ? { value: score } : score }];
  });
}

/** One line per variant and score, with shares in 0..1 in full precision; a cell is empty if there is no number. */
export function localizeCsv(scores: readonly LocalizeScores[], variants: readonly Pick<Variant, 'name'>[]): string {
  const lines = scores.flatMap((own, v) => measuredScores(own).map(({ name, score: { difference, ...score } }) => (
    [csvCell(variants[v].name), name, thresholdOf(own, name), ...numbersOf(score), ...numbersOf(difference)])));
  const header = ['variant', 'score', 'threshold', 'value', 'low', 'high', 'difference', 'difference_low', 'difference_high'];
  return [header, ...lines].map((line) => `${line.join(',')}\n`).join('');
}

function thresholdOf({ threshold, thresholdsV2 }: LocalizeScores, name: ScoreName): string {
  if (name === 'boxAccuracyV2') return thresholdsV2.join(' ');
  return name === 'gtKnown' || name === 'loc1' || name === 'loc5' ? String(threshold) : '';
}

function numbersOf(score: Omit<Score, 'difference'> | undefined): (string | number)[] {
  return [score?.value ?? '', score?.low ?? '', score?.high ?? ''];
}

/** The scores for JSON: those of a single variant, or what all variants share and a list of them. */
export function localizeJson(scores: readonly LocalizeScores[], variants: readonly Variant[]): Record<string, unknown> {
  if (scores.length === 1) return { ...scores[0] };
  const { images, cases, sawBoxes } = scores[0];
  return {
    images, cases, sawBoxes,
    variants: scores.map((own, v) => ({
      ...describeVariant(variants[v]),
      ...Object.fromEntries(Object.entries(own).filter(([name]) => !['images', 'cases', 'sawBoxes'].includes(name))),
    })),
  };
}
