import { comparedScores, measuredScores, SCORE_TITLES } from '../../localize/format.js';
import type { LocalizePass } from '../../localize/run.js';
import type { LocalizeScores, Score } from '../../localize/score.js';
import { markdownTable } from '../../metrics/format.js';
import type { Variant } from '../../variants/variant.js';

/** The largest number of failures shown in the terminal. localize.json lists all. */
const MOST = 20;

/** The summary of the images. */
export function describeLocalizePass({ counts, seconds, stages, interrupted }: LocalizePass, failures: LocalizePass['failures']): string {
  const lines = [
    `${counts.measured} images measured in ${seconds.toFixed(1)} s${counts.resumed > 0 ? `, ${counts.resumed} before` : ''} (per image ${stages.read} ms reading, ${stages.cam} CAM, ${stages.maps} maps, ${stages.boxes} boxes, ${stages.write} writing)`,
  ];
  if (interrupted) lines.push(`interrupted with ${counts.left} images left: run the same command again to continue`);
  if (failures.length > 0) lines.push(`${failures.length} images failed:`, ...failures.slice(0, MOST).map(({ id, reason }) => `  ${id}: ${reason}`));
  if (failures.length > MOST) lines.push(`  ... and ${failures.length - MOST} more, in localize.json`);
  return lines.join('\n');
}

/** The scores as tables in Markdown: one line per score, or per variant if there are several. */
export function localizeMarkdown(scores: readonly LocalizeScores[], variants: readonly Pick<Variant, 'name'>[]): string {
  const { images, cases, sawBoxes } = scores[0];
  const note = sawBoxes
    ? 'All thresholds were chosen on the scored images themselves, so the scores are too high: choose them on others with --tune-on.'
    : `Thresholds were chosen on ${images.tune} other images, except for MaxBoxAcc and MaxBoxAccV2.`;
  return [
    ...scores.length === 1 ? [scoreTable(scores[0])] : variantTables(scores, variants),
    `${images.score} images with ${cases} classes scored. ${note}`,
  ].join('\n\n');
}

const percent = (value: number): string => (100 * value).toFixed(2);
const signed = (value: number): string => `${value > 0 ? '+' : ''}${percent(value)}`;

function scoreTable(scores: LocalizeScores): string {
  return [
    '| score | % | 95 % interval | threshold |',
    '|---|---:|---:|---|',
    ...measuredScores(scores).map(({ title, score: { value, low, high }, at }) => (
      `| ${title} | ${percent(value)} | ${low === undefined || high === undefined ? '-' : `${percent(low)}..${percent(high)}`} | ${at} |`)),
  ].join('\n');
}

/** The scores of each variant, and the differences to the first one. */
function variantTables(scores: readonly LocalizeScores[], variants: readonly Pick<Variant, 'name'>[]): string[] {
  const shown = ({ value, low, high }: Omit<Score, 'difference'>, text: (value: number) => string): string => (
    low === undefined || high === undefined ? text(value) : `${text(value)} (${text(low)} .. ${text(high)})`);
  const names = comparedScores(scores[0]);
  const titles = names.map((name) => SCORE_TITLES[name]);
  const { top1, top5, pxap } = scores[0];
  const intervals = top1.low === undefined ? '' : '; in brackets 95 % intervals of a bootstrap over the images, thresholds fixed';
  return [
    `In %${intervals}. The most likely class is a true one in ${shown(top1, percent)}, `
    + `one of the five most likely in ${shown(top5, percent)}.`
    + (pxap === undefined ? '' : ` PxAP is that of ${pxap.cases} classes with masks.`),
    markdownTable(
      ['variant', 'threshold', ...titles, SCORE_TITLES.maxBoxAcc, SCORE_TITLES.maxBoxAccV2],
      scores.map((own, v) => [
        variants[v].name, String(own.threshold), ...names.map((name) => shown(own[name]!, percent)),
        percent(own.maxBoxAcc), percent(own.maxBoxAccV2),
      ]),
    ),
    `Differences to '${variants[0].name}'${intervals === '' ? '' : '; * the interval leaves out 0'}:`,
    markdownTable(['variant', ...titles], scores.slice(1).map((own, v) => [
      variants[v + 1].name, ...names.map((name) => {
        const difference = own[name]!.difference!;
        return `${shown(difference, signed)}${difference.low !== undefined && (difference.low > 0 || difference.high! < 0) ? ' *' : ''}`;
      }),
    ])),
  ];
}
