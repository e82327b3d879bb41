import { groupOf, titleOf } from '../../faithfulness/format.js';
import { barChartSvg } from '../charts/bar-chart.js';
import { escapeXml } from '../charts/escape.js';
import { lineChartSvg } from '../charts/line-chart.js';
import { folded, num, paragraph, percent, section, table } from '../run/html.js';
import { tilesHtml } from '../run/run-sections.js';
import type { FaithfulnessRun, MeanScore, TestedVariant } from './faithfulness-run.js';

/** The most bars of a variant in a chart. */
const MOST_SERIES = 3;

/** The most important numbers. */
export function faithfulnessOverview({ photographs, unchanged, variants }: FaithfulnessRun): string {
  const [first] = variants;
  const best = (test: string, title: string, sign: 1 | -1): [string, string, string][] => {
    const c = first.means.findIndex(({ column }) => column.test === test && column.value === 'auc');
    if (c < 0) return [];
    const winner = variants.reduce((one, other) => (sign * (other.means[c].mean - one.means[c].mean) > 0 ? other : one));
    return [[title, `${percent(winner.means[c].mean)} %`, winner.name]];
  };
  return tilesHtml([
    ['Photographs', photographs.toLocaleString('en-US')], ['Variants', String(variants.length)],
    ...unchanged.map(({ value, mean }): [string, string, string] => [value, `${percent(mean)} %`, 'unchanged photographs']),
    ...best('insertion', 'Highest insertion', 1), ...best('deletion', 'Lowest deletion', -1),
  ]);
}

/** The means of all variants: a table and bars for each kind of test. */
export function meanSection({ unchanged, variants }: FaithfulnessRun): string {
  const groups = new Map<string, number[]>();
  variants[0].means.forEach(({ column }, c) => { groups.set(groupOf(column), [...groups.get(groupOf(column)) ?? [], c]); });
  const all = [...groups].map(([title, columns]) => [title.replace(/:$/, ''), columns] as const);
  return section('scores', 'Scores', [
    ...all.map(([title, columns]) => meanTables(title, columns, variants)),
    paragraph(`Means over the photographs, in %${variants[0].means[0].interval === undefined ? '' : '; in brackets 95 % intervals of a bootstrap over the photographs'}. A map that highlights more also occludes more, so compare occlusion at equal areas.`, 'note'),
    `<div class="columns">${all.map(([title, columns]) => meanBars(title, columns, variants, unchanged)).join('\n')}</div>`,
  ]);
}

function meanTables(title: string, columns: readonly number[], variants: readonly TestedVariant[]): string {
  const [first, ...others] = variants;
  const head = ['variant', ...columns.map((c) => titleOf(first.means[c].column))];
  const differences = others.map(({ name, means }) => [
    name, ...columns.map((c) => num(means[c].difference === undefined ? '–' : meanText(means[c].difference, true))),
  ]);
  return [
    `<h3>${escapeXml(title)}</h3>`,
    table(title, head, variants.map(({ name, means }) => [name, ...columns.map((c) => num(meanText(means[c])))])),
    ...differences.length === 0 ? [] : [folded(`Differences to ${first.name}`, table(`Differences to ${first.name}: ${title}`, head, differences))],
  ].join('\n');
}

/** The first numbers of a test as bars, beside those of the unchanged photographs. */
function meanBars(title: string, columns: readonly number[], variants: readonly TestedVariant[], unchanged: FaithfulnessRun['unchanged']): string {
  const shown = columns.slice(0, MOST_SERIES);
  const names = shown.map((c) => titleOf(variants[0].means[c].column));
  const plain = names.flatMap((name) => unchanged.filter(({ value }) => value === name));
  return `<figure>\n${barChartSvg({
    title: title.split(/[:(,]/)[0].trim(), unit: 'in %', series: names,
    rows: [
      ...plain.length === names.length ? [rowOf('unchanged', plain)] : [],
      ...variants.map(({ name, means }) => rowOf(name, shown.map((c) => means[c]))),
    ],
  })}</figure>`;
}

function rowOf(name: string, means: readonly MeanScore[]): { name: string; values: number[]; interval?: [number, number] } {
  const [{ interval }] = means;
  return { name, values: means.map(({ mean }) => 100 * mean), ...interval && { interval: [100 * interval.low, 100 * interval.high] } };
}

function meanText({ mean, interval }: MeanScore, signed = false): string {
  const text = (value: number): string => `${signed && value > 0 ? '+' : ''}${percent(value)}`.replace('-', '\u2212');
  return interval === undefined ? text(mean) : `${text(mean)} (${text(interval.low)} to ${text(interval.high)})`;
}

/** The mean confidence while pixels appear or disappear, strongest first. */
export function confidenceSection({ variants }: FaithfulnessRun): string {
  const tests = [...new Set(variants.flatMap(({ curves }) => Object.keys(curves)))];
  const what: Readonly<Record<string, string>> = { insertion: 'pixels shown, in %', deletion: 'pixels hidden, in %' };
  const charts = tests.map((test) => `<figure>\n${lineChartSvg({
    title: `${test[0].toUpperCase()}${test.slice(1)}`, xLabel: what[test] ?? 'pixels changed, in %', yLabel: 'mean confidence in %',
    series: variants.filter(({ curves }) => test in curves).map(({ name, curves: { [test]: curve } }) => ({
      name, points: curve.map((confidence, i) => [100 * i / (curve.length - 1), 100 * confidence] as const),
    })),
  })}</figure>`);
  return section('curves', 'Curves', charts.length === 0
    ? []
    : [`<div class="columns">${charts.join('\n')}</div>`, paragraph('Pixels that the map highlights most come first. A good map lets the confidence rise early in insertion, and fall early in deletion.', 'note')]);
}
