import { comparedScores, measuredScores, SCORE_TITLES } from '../../localize/format.js';
import type { MeasuredScore } from '../../localize/format.js';
import type { LocalizeScores, Score } from '../../localize/score.js';
import { V2_IOUS } from '../../metrics/boxes/box-accuracy.js';
import { barChartSvg } from '../charts/bar-chart.js';
import { lineChartSvg } from '../charts/line-chart.js';
import { folded, num, paragraph, percent, section, table } from '../run/html.js';
import { tilesHtml } from '../run/run-sections.js';
import type { BoxCurves } from './localize-curves.js';
import type { LocalizeRun, LocalizeVariant } from './localize-run.js';

/** The most important numbers, of the first variant. */
export function localizeOverview({ variants }: LocalizeRun): string {
  const [{ name: first, scores: { gtKnown, loc1, loc5, boxAccuracyV2, images, cases, threshold } }] = variants;
  const tile = (name: string, { value, low, high }: Score): [string, string, string?] => (
    [name, `${percent(value)} %`, low === undefined || high === undefined ? undefined : `${percent(low)} to ${percent(high)}`]);
  return tilesHtml([
    ...variants.length > 1 ? [['Variants', String(variants.length), `these scores: ${first}`] as const] : [],
    tile('GT-known', gtKnown), tile('loc1', loc1), tile('loc5', loc5), tile('BoxAccV2', boxAccuracyV2),
    ['Images', images.score.toLocaleString('en-US'), `${cases.toLocaleString('en-US')} true classes`], ['Threshold', String(threshold)],
  ]);
}

/** All scores as a table and as bars. Several variants have a line each, and differences to the first one. */
export function boxScoreSection({ variants }: LocalizeRun): string {
  const [{ scores: { images, sawBoxes, pxap } }] = variants;
  const several = variants.length > 1;
  const bars = several
    ? { title: 'GT-known of the variants', rows: variants.map(({ name, scores: { gtKnown } }) => barOf(name, gtKnown)) }
    : {
        title: 'Scores',
        rows: measuredScores(variants[0].scores).flatMap(({ name, title, score }) => (name.startsWith('max') ? [] : [barOf(title, score)])),
      };
  const chart = `<figure>\n${barChartSvg({ ...bars, unit: 'in %', series: ['score'], range: [0, 100] })}</figure>`;
  return section('scores', 'Scores', [
    ...sawBoxes ? [paragraph('All thresholds were chosen on the scored images, so the scores are too high. Choose them on other images with --tune-on.', 'warning')] : [],
    ...several ? [...variantTables(variants), chart] : ['<div class="columns">', `<div>${scoreTable(variants[0].scores)}</div>`, chart, '</div>'],
    paragraph([
      'GT-known: true classes whose box has an IoU of at least 0.5. loc1 and loc5: images with such a box for a true class that is the most likely one, or among the five most likely.',
      `BoxAccV2: the best contour counts, at IoU ${V2_IOUS.join(', ')}; the mean of the three.`,
      ...pxap === undefined ? [] : [`PxAP: the area under the curve of pixel precision and recall, of ${pxap.cases.toLocaleString('en-US')} classes with masks.`],
      sawBoxes ? '' : `Thresholds were chosen on ${images.tune.toLocaleString('en-US')} other images, except for MaxBoxAcc and MaxBoxAccV2.`,
    ].join(' '), 'note'),
  ]);
}

function scoreTable(scores: LocalizeScores): string {
  return table('Scores', ['score', '%', '95 % interval', 'threshold'], measuredScores(scores).map(({ title, score: { value, low, high }, at }) => [
    title, num(percent(value)), num(low === undefined || high === undefined ? '–' : `${percent(low)} to ${percent(high)}`), at,
  ]));
}

/** Tables with a line for each variant: scores with intervals, differences to the first variant, and what has no place beside them. */
function variantTables(variants: LocalizeRun['variants']): string[] {
  const [first, ...others] = variants;
  const compared = comparedScores(first.scores);
  const rest = (scores: LocalizeScores): MeasuredScore[] => (
    measuredScores(scores).filter(({ name }) => !(compared as readonly string[]).includes(name)));
  const titles = compared.map((name) => SCORE_TITLES[name]);
  const differences = `Differences to ${first.name}`;
  return [
    table('Scores', ['variant', 'threshold', ...titles], variants.map(({ name, scores }) => [
      name, num(String(scores.threshold)), ...compared.map((own) => num(textOf(scores[own]))),
    ])),
    paragraph(`In %${first.scores.gtKnown.low === undefined ? '' : '; in brackets 95 % intervals of a bootstrap over the images'}.`, 'note'),
    folded(differences, table(differences, ['variant', ...titles], others.map(({ name, scores }) => [
      name, ...compared.map((own) => num(textOf(scores[own]?.difference, true))),
    ]))),
    folded('Other scores', table('Other scores', ['variant', ...rest(first.scores).map(({ title }) => title)], variants.map(({ name, scores }) => [
      name, ...rest(scores).map(({ score }) => num(textOf(score))),
    ]))),
  ];
}

function textOf(score: Omit<Score, 'difference'> | undefined, signed = false): string {
  const text = (share: number): string => `${signed && share > 0 ? '+' : ''}${percent(share)}`.replace('-', '\u2212');
  if (score === undefined) return '–';
  const { value, low, high } = score;
  return low === undefined || high === undefined ? text(value) : `${text(value)} (${text(low)} to ${text(high)})`;
}

function barOf(name: string, { value, low, high }: Score): { name: string; values: number[]; interval?: [number, number] } {
  return { name, values: [100 * value], ...low !== undefined && high !== undefined && { interval: [100 * low, 100 * high] } };
}

/** The share of true classes with a good box against the threshold, for each variant. */
export function curveSection({ variants, steps }: LocalizeRun, curves: readonly BoxCurves[]): string {
  const points = (shares: readonly number[]): [number, number][] => shares.map((share, step) => [step / steps, 100 * share]);
  const axes = { xLabel: 'threshold, as a share of the map\'s maximum', yLabel: 'true classes in %' };
  const chart = ({ name, scores: { threshold } }: LocalizeVariant, { known, any }: BoxCurves): string => `<figure>\n${lineChartSvg({
    ...axes, title: variants.length > 1 ? name : 'Good boxes against the threshold',
    series: [
      { name: 'GT-known', points: points(known) },
      ...V2_IOUS.map((least, i) => ({ name: `BoxAcc at ${least}`, points: points(any[i]) })),
      { name: `used: ${threshold}`, points: [[threshold, 100 * known[Math.round(threshold * steps)]]] },
    ],
  })}</figure>`;
  const together = variants.length < 2
    ? []
    : [`<figure>\n${lineChartSvg({
        ...axes, title: 'GT-known against the threshold', series: variants.map(({ name }, v) => ({ name, points: points(curves[v].known) })),
      })}</figure>`];
  return section('threshold', 'Threshold', [
    `<div class="columns">${[...together, ...variants.map((variant, v) => chart(variant, curves[v]))].join('\n')}</div>`,
    paragraph('The curves are of the scored images. GT-known: the box of the largest contour has an IoU of at least 0.5. BoxAcc: the box of any contour has that IoU.', 'note'),
  ]);
}
