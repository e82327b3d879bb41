import { csvCell } from '../text/csv.js';
import { describeVariant } from '../variants/variant.js';
import type { Variant } from '../variants/variant.js';
import type { LocalizeScores, Score } from './score.js';

/** The names of the scores in tables. */
export const SCORE_TITLES = {
  gtKnown: 'GT-known', loc1: 'loc1', loc5: 'loc5', boxAccuracyV2: 'BoxAccV2', maxBoxAcc: 'MaxBoxAcc', maxBoxAccV2: 'MaxBoxAccV2', pxap: 'PxAP', top1: 'top-1 class', top5: 'top-5 class',
} as const;

type ScoreName = keyof typeof SCORE_TITLES;

/** A score as tables show it. */
export interface MeasuredScore {
  readonly name: ScoreName;
  readonly title: string;
  /** With its interval, if it has one. */
  readonly score: Score;
  /** The threshold in words; empty if there is none. */
  readonly at: string;
}

/** The scores that were measured: PxAP needs masks. */
export function measuredScores(scores: LocalizeScores): MeasuredScore[] {
  const { threshold, thresholdsV2, pxap } = scores;
  const [chosen, best] = [String(threshold), 'best on the scored images'];
  const at: Readonly<Record<ScoreName, string>> = {
    gtKnown: chosen, loc1: chosen, loc5: chosen, boxAccuracyV2: thresholdsV2.join(', '), maxBoxAcc: best, maxBoxAccV2: best,
    pxap: `all; ${pxap?.cases} classes with masks`, top1: '', top5: '',
  };
  return (Object.keys(SCORE_TITLES) as ScoreName[]).flatMap((name) => {
    const score = scores[name];
    return score === undefined ? [] : [{ name, title: SCORE_TITLES[name], score: typeof score === 'number' ? { value: score } : score, at: at[name] }];
  });
}

/** The scores that variants are compared by. */
export function comparedScores({ pxap }: LocalizeScores): ('gtKnown' | 'loc1' | 'loc5' | 'boxAccuracyV2' | 'pxap')[] {
  return ['gtKnown', 'loc1', 'loc5', 'boxAccuracyV2', ...pxap === undefined ? [] : ['pxap' as const]];
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
