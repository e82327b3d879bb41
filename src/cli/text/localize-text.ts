import type { LocalizePass } from '../../localize/run.js';
import type { LocalizeScores, Score } from '../../localize/score.js';

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

/** The scores as a table in Markdown. */
export function localizeMarkdown(scores: LocalizeScores): string {
  const { images, cases, sawBoxes, threshold, thresholdsV2, pxap } = scores;
  const percent = (value: number): string => (100 * value).toFixed(2);
  const row = (name: string, { value, low, high }: Score, at: string): string => (
    `| ${name} | ${percent(value)} | ${low === undefined || high === undefined ? '-' : `${percent(low)}..${percent(high)}`} | ${at} |`);
  return [
    '| score | % | 95 % interval | threshold |',
    '|---|---:|---:|---|',
    row('GT-known', scores.gtKnown, String(threshold)),
    row('loc1', scores.loc1, String(threshold)),
    row('loc5', scores.loc5, String(threshold)),
    row('BoxAccV2', scores.boxAccuracyV2, thresholdsV2.join(', ')),
    row('MaxBoxAcc', { value: scores.maxBoxAcc }, 'best on the scored images'),
    row('MaxBoxAccV2', { value: scores.maxBoxAccV2 }, 'best on the scored images'),
    ...pxap === undefined ? [] : [row('PxAP', pxap, `all; ${pxap.cases} classes with masks`)],
    row('top-1 class', scores.top1, ''),
    row('top-5 class', scores.top5, ''),
    '',
    `${images.score} images with ${cases} classes scored. ${sawBoxes
      ? 'All thresholds were chosen on the scored images themselves, so the scores are too high: choose them on others with --tune-on.'
      : `Thresholds were chosen on ${images.tune} other images, except for MaxBoxAcc and MaxBoxAccV2.`}`,
  ].join('\n');
}
