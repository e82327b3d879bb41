import type { LocalizeScores, Score } from '../../localize/score.js';
import { V2_IOUS } from '../../metrics/boxes/box-accuracy.js';
import { barChartSvg } from '../charts/bar-chart.js';
import { lineChartSvg } from '../charts/line-chart.js';
import { num, paragraph, percent, section, table } from '../run/html.js';
import { tilesHtml } from '../run/run-sections.js';
import type { BoxCurves } from './localize-curves.js';
import type { LocalizeRun, LocalizeVariant } from './localize-run.js';

/** The most important numbers, of the first variant. */
export function localizeOverview({ variants: [{ scores }] }: LocalizeRun): string {
  const { gtKnown, loc1, loc5, boxAccuracyV2, images, cases, threshold } = scores;
  const tile = (name: string, { value, low, high }: Score): [string, string, string?] => (
    [name, `${percent(value)} %`, low === undefined || high === undefined ? undefined : `${percent(low)} to ${percent(high)}`]);
  return tilesHtml([
    tile('GT-known', gtKnown), tile('loc1', loc1), tile('loc5', loc5), tile('BoxAccV2', boxAccuracyV2),
    ['Images', images.score.toLocaleString('en-US'), `${cases.toLocaleString('en-US')} true classes`], ['Threshold', String(threshold)],
  ]);
}

/** The scores in rows, with the thresholds that they were scored at. */
function rowsOf(scores: LocalizeScores): [string, Score, string][] {
  const { gtKnown, loc1, loc5, boxAccuracyV2, maxBoxAcc, maxBoxAccV2, top1, top5, threshold, thresholdsV2 } = scores;
  const best = 'best on the scored images';
  return [
    ['GT-known', gtKnown, String(threshold)], ['loc1', loc1, String(threshold)], ['loc5', loc5, String(threshold)],
    ['BoxAccV2', boxAccuracyV2, thresholdsV2.join(', ')], ['MaxBoxAcc', { value: maxBoxAcc }, best], ['MaxBoxAccV2', { value: maxBoxAccV2 }, best],
    ['top-1 class', top1, ''], ['top-5 class', top5, ''],
  ];
}

/** All scores as a table and as bars. */
export function boxScoreSection({ variants }: LocalizeRun): string {
  const several = variants.length > 1;
  const [{ scores: { images, sawBoxes } }] = variants;
  const rows = variants.flatMap(({ name, scores }) => rowsOf(scores).map(([title, { value, low, high }, threshold]) => [
    ...several ? [name] : [], title, num(percent(value)), num(low === undefined || high === undefined ? '–' : `${percent(low)} to ${percent(high)}`), threshold,
  ]));
  const bars = several
    ? { title: 'GT-known of the variants', rows: variants.map(({ name, scores: { gtKnown } }) => barOf(name, gtKnown)) }
    : { title: 'Scores', rows: rowsOf(variants[0].scores).filter(([name]) => !name.startsWith('Max')).map(([name, score]) => barOf(name, score)) };
  return section('scores', 'Scores', [
    ...sawBoxes ? [paragraph('All thresholds were chosen on the scored images, so the scores are too high. Choose them on other images with --tune-on.', 'warning')] : [],
    '<div class="columns">',
    `<div>${table('Scores', [...several ? ['variant'] : [], 'score', '%', '95 % interval', 'threshold'], rows)}</div>`,
    `<figure>\n${barChartSvg({ ...bars, unit: 'in %', series: ['score'], range: [0, 100] })}</figure>`,
    '</div>',
    paragraph([
      'GT-known: true classes whose box has an IoU of at least 0.5. loc1 and loc5: images with such a box for a true class that is the most likely one, or among the five most likely.',
      `BoxAccV2: the best contour counts, at IoU ${V2_IOUS.join(', ')}; the mean of the three.`,
      sawBoxes ? '' : `Thresholds were chosen on ${images.tune.toLocaleString('en-US')} other images, except for MaxBoxAcc and MaxBoxAccV2.`,
    ].join(' '), 'note'),
  ]);
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
