import { describeVariant } from '../variants/variant.js';
import type { Column } from '../metrics/faithfulness/tests.js';
import { markdownTable } from '../metrics/format.js';
import { csvCell } from '../text/csv.js';
import type { FaithfulnessScores, Mean } from './summary.js';

/** Tables in percent: one for each kind of occlusion, and one for the other tests. */
export function faithfulnessMarkdown({ photographs, plain, variants }: FaithfulnessScores): string {
  const columns = variants[0].means.map(({ column }, index) => ({ column, index }));
  const groups = new Map<string, typeof columns>();
  for (const one of columns) groups.set(groupOf(one.column), [...groups.get(groupOf(one.column)) ?? [], one]);
  const interval = plain[0].interval === undefined ? '' : '; in brackets 95 % intervals of a bootstrap over the photographs';
  return [
    `${photographs} photographs, unchanged: ${plain.map((one) => `${one.value} ${percent(one)}`).join(', ')} (in %${interval})`,
    ...[...groups].map(([title, own]) => `${title}\n\n${markdownTable(
      ['variant', ...own.map(({ column }) => titleOf(column))],
      variants.map(({ variant, means }) => [variant.name, ...own.map(({ index }) => percent(means[index]))]),
    )}`),
  ].join('\n\n');
}

/** What a number is called in tables. */
export function titleOf({ test, value }: Column): string {
  return value === 'auc' ? test : value === 'drop' ? 'average drop' : value;
}

/** The title of the table that a column belongs to. */
export function groupOf({ test, by, at }: Column): string {
  if (test === 'drop') return 'Only what the map highlights is shown: average drop (lower is better), increase in confidence (higher is better):';
  if (test === 'road') return 'ROAD, mean confidence without the most relevant pixels (morf, lower is better) and without the least relevant ones (lerf, higher is better), and half the difference (combined, higher is better):';
  if (test !== 'occlusion') return 'Area under the curve of confidence: insertion (higher is better), deletion (lower is better):';
  return by === 'threshold' ? `Pixels above ${at} of the map are occluded (lower is better):` : `The strongest ${at} % of the pixels are occluded (lower is better):`;
}

function percent({ mean, interval }: Mean): string {
  const number = (value: number): string => (100 * value).toFixed(2);
  return interval === undefined ? number(mean) : `${number(mean)} (${number(interval.low)} .. ${number(interval.high)})`;
}

/** One line per variant and number, with shares in 0..1 in full precision. The unchanged photographs are the variant `unchanged`. */
export function faithfulnessCsv({ plain, variants }: FaithfulnessScores): string {
  const lines: (string | number)[][] = [
    ['variant', 'test', 'by', 'at', 'value', 'mean', 'low', 'high', 'difference', 'difference_low', 'difference_high'],
    ...plain.map((one) => ['unchanged', '', '', '', one.value, ...numbersOf(one), '', '', '']),
    ...variants.flatMap(({ variant, means }) => means.map(({ column: { test, by = '', at = '', value }, difference, ...mean }) => [
      csvCell(variant.name), test, by, at, value, ...numbersOf(mean), ...difference === undefined ? ['', '', ''] : numbersOf(difference),
    ])),
  ];
  return lines.map((line) => `${line.join(',')}\n`).join('');
}

function numbersOf({ mean, interval }: Mean): (string | number)[] {
  return [mean, interval?.low ?? '', interval?.high ?? ''];
}

/** All numbers, for JSON. */
export function faithfulnessJson({ photographs, plain, variants }: FaithfulnessScores): Record<string, unknown> {
  return {
    photographs, unchanged: plain,
    variants: variants.map(({ variant, means, curves }) => ({
      ...describeVariant(variant), scores: means.map(({ column, ...mean }) => ({ ...column, ...mean })), curves,
    })),
  };
}
