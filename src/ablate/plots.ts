import { barChartSvg } from '../report/charts/bar-chart.js';
import { escapeXml } from '../report/charts/escape.js';
import { lineChartSvg } from '../report/charts/line-chart.js';
import type { ClassSet } from '../datasets/classes/class-set.js';
import { notesOf, parameterText } from './format.js';
import type { AblationScores, VariantScore } from './score.js';

/** The most curves in one chart that can be told apart. */
const MOST_CURVES = 8;

/** The charts of an ablation as SVG, by file name without extension. */
export function ablationCharts({ classes, scores, baseline, sawMasks }: AblationScores): Map<string, string> {
  const charts = new Map<string, string>();
  const swept = scores.filter(({ parameter }) => parameter.name === 'threshold' || parameter.name === 'per-class').slice(0, MOST_CURVES);
  if (swept.length > 0) {
    charts.set('threshold', lineChartSvg({
      title: `Mean IoU against the threshold${scores.length > swept.length ? `, best ${swept.length} variants` : ''}`,
      xLabel: 'threshold', yLabel: `mIoU in %${sawMasks ? '' : ', scored images'}`,
      series: swept.map(({ variant, curve }) => ({ name: variant.name, points: curve.map(({ value, miou }) => [value, 100 * miou] as const) })),
    }));
  }
  const interval = ({ low, high }: { readonly low?: number; readonly high?: number }): { interval?: [number, number] } => (
    low === undefined || high === undefined ? {} : { interval: [100 * low, 100 * high] }
  );
  charts.set('variants', barChartSvg({
    title: 'Mean IoU of the variants', unit: `mIoU in %${interval(scores[0]).interval === undefined ? '' : ', with 95 % intervals'}`, series: ['mIoU'],
    rows: scores.map((score) => ({ name: score.variant.name, values: [100 * score.miou], ...interval(score) })),
  }));
  const others = scores.filter(({ variant }) => variant.name !== baseline);
  if (others.length > 0) {
    charts.set('differences', barChartSvg({
      title: 'Difference to the baseline', unit: 'points of mIoU, on the same images', series: ['difference'], decimals: 2, signed: true,
      rows: others.map(({ variant, difference }) => ({ name: variant.name, values: [100 * difference.value], ...interval(difference) })),
    }));
  }
  const reference = scores.find(({ variant }) => variant.name === baseline)!;
  const compared = scores[0] === reference ? scores.at(1) : scores[0];
  if (compared !== undefined) charts.set('classes', classChart(compared, reference, classes));
  return charts;
}

function classChart(variant: VariantScore, baseline: VariantScore, classes: ClassSet): string {
  return barChartSvg({
    title: 'Difference by class', unit: `points of IoU, '${variant.variant.name}' over '${baseline.variant.name}'`, series: ['difference'], signed: true,
    rows: variant.perLabel.map((iou, label) => ({ name: classes.nameOf(label), values: [100 * (iou - baseline.perLabel[label])] }))
      .sort((a, b) => (Number.isNaN(b.values[0]) ? -Infinity : b.values[0]) - (Number.isNaN(a.values[0]) ? -Infinity : a.values[0])),
  });
}

/** The charts and the table as one self-contained HTML page. */
export function ablationPage(result: AblationScores): string {
  const percent = (ratio: number | undefined): string => (ratio === undefined || Number.isNaN(ratio) ? '' : (100 * ratio).toFixed(2));
  const span = ({ low, high }: { readonly low?: number; readonly high?: number }): string => (low === undefined ? '' : `${percent(low)} .. ${percent(high)}`);
  const rows = result.scores.map(({ variant, parameter, tuned, miou, difference, ...interval }) => [
    variant.name, parameterText(parameter), percent(tuned), percent(miou), span(interval),
    variant.name === result.baseline ? 'baseline' : `${percent(difference.value)}${difference.real === true ? ' *' : ''}`, variant.name === result.baseline ? '' : span(difference),
  ]);
  const row = (tag: string, cells: readonly string[]): string => `<tr>${cells.map((cell) => `<${tag}>${escapeXml(cell)}</${tag}>`).join('')}</tr>`;
  return [
    '<!DOCTYPE html>', '<html lang="en">', '<head>', '<meta charset="utf-8"/>',
    '<meta name="viewport" content="width=device-width, initial-scale=1"/>', '<meta name="color-scheme" content="light dark"/>',
    '<title>Ablation</title>', `<style>${STYLE}</style>`, '</head>', '<body>', '<main>',
    '<h1>Ablation</h1>',
    ...notesOf(result).split('\n').map((note) => `<p>${escapeXml(note)}</p>`),
    '<div class="scroll"><table>',
    `<thead>${row('th', ['variant', 'threshold', 'mIoU tuned', 'mIoU scored', '95 %', 'difference', '95 %'])}</thead>`,
    `<tbody>${rows.map((cells) => row('td', cells)).join('\n')}</tbody>`, '</table></div>',
    ...[...ablationCharts(result).values()].map((chart) => `<figure>\n${chart}</figure>`),
    '</main>', '</body>', '</html>', '',
  ].join('\n');
}

const STYLE = [
  ':root{--back:#fff;--ink:#222;--line:#ddd}',
  '@media (prefers-color-scheme:dark){:root{--back:#16181c;--ink:#e4e4e4;--line:#3a3d42}}',
  'body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif}',
  'main{max-width:60rem;margin:0 auto;padding:1rem .75rem}',
  'figure{margin:1.5rem 0}',
  'figure svg{max-width:100%;height:auto}',
  '.scroll{overflow-x:auto}',
  'table{border-collapse:collapse;width:100%}',
  'th,td{padding:.3rem .6rem;border-bottom:1px solid var(--line);text-align:right;font-variant-numeric:tabular-nums}',
  'th:first-child,td:first-child{text-align:left}',
].join('');
