import { escapeXml } from './escape.js';
import { lineChartSvg } from './line-chart.js';

interface Epoch {
  readonly epoch: number;
  readonly loss: number;
  readonly map?: number;
  readonly iou?: number;
}

/** The results of a training run. */
export interface TrainingReport {
  readonly title: string;
  /** The loss and the learning rate of each batch. */
  readonly steps: readonly { readonly step: number; readonly loss: number; readonly rate: number }[];
  /** The mean loss of each epoch and, if it was measured, the mean average precision or the mean IoU in [0, 1]. */
  readonly epochs: readonly Epoch[];
  /** By name; values that are not strings are shown as JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** The smoothed loss is a mean over this share of all steps on each side. */
const SMOOTHING = 1 / 100;

/**
 * The report of a training run as one self-contained HTML page: charts of the loss (of each step, and smoothed), the learning
 * rate and the score per epoch, and tables of the epochs and settings. The page is also well-formed XML.
 */
export function trainingPage({ title, steps, epochs, settings }: TrainingReport): string {
  const losses = steps.map(({ loss }) => loss);
  const means = smoothed(losses, Math.ceil(SMOOTHING * steps.length));
  const charts = [
    lineChartSvg({
      title: 'Loss', xLabel: 'step', yLabel: 'loss', series: [
        { name: 'smoothed', points: steps.map(({ step }, i) => [step, means[i]]) },
        { name: 'each step', points: steps.map(({ step, loss }) => [step, loss]), faint: true },
      ],
    }),
    lineChartSvg({
      title: 'Learning rate', xLabel: 'step', yLabel: 'rate',
      series: [{ name: 'learning rate', points: steps.map(({ step, rate }) => [step, rate]) }],
    }),
  ];
  const { name, title: scoreTitle, points } = scoresOf(epochs);
  if (points.length > 0) charts.push(lineChartSvg({ title: scoreTitle, xLabel: 'epoch', yLabel: name, series: [{ name: 'validation', points }] }));
  const number = (value: number | undefined, decimals: number): string => (value === undefined ? '' : value.toFixed(decimals));
  return [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8"/>',
    '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
    '<meta name="color-scheme" content="light dark"/>',
    `<title>${escapeXml(title)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    '<main>',
    `<h1>${escapeXml(title)}</h1>`,
    `<p>${escapeXml(summary({ steps, epochs }))}</p>`,
    ...charts.map((chart) => `<figure>\n${chart}</figure>`),
    table('Epochs', ['epoch', 'loss', name], epochs.map(({ epoch, loss, map, iou }) => [String(epoch), number(loss, 4), number(map ?? iou, 4)]), 'numbers'),
    table('Settings', ['setting', 'value'], Object.entries(settings).filter(([, value]) => value !== undefined).map(([name, value]) => [name, shown(value)])),
    '</main>',
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

/**
 * The mean of each value and its neighbours: up to `reach` on each side, fewer near the ends. It takes the same number on both
 * sides, so the curve does not lag behind the values. Gaps (NaN) stay gaps and are left out of the means.
 */
export function smoothed(values: readonly number[], reach: number): number[] {
  const known = values.map(Number.isFinite);
  const sums = [0];
  const counts = [0];
  values.forEach((value, i) => {
    sums.push(sums[i] + (known[i] ? value : 0));
    counts.push(counts[i] + (known[i] ? 1 : 0));
  });
  return values.map((_, i) => {
    if (!known[i]) return NaN;
    const side = Math.min(reach, i, values.length - 1 - i);
    const [from, to] = [i - side, i + side + 1];
    return (sums[to] - sums[from]) / (counts[to] - counts[from]);
  });
}

function summary({ steps, epochs }: Pick<TrainingReport, 'steps' | 'epochs'>): string {
  const count = (n: number, name: string): string => `${n.toLocaleString('en-US')} ${name}${n === 1 ? '' : 's'}`;
  const parts = [`${count(steps.length, 'step')}, ${count(epochs.length, 'epoch')}.`];
  const last = epochs.at(-1);
  if (last !== undefined) parts.push(`Loss of the last epoch: ${last.loss.toFixed(4)}.`);
  const { name, points } = scoresOf(epochs);
  if (points.length > 0) {
    const [epoch, score] = points.reduce((a, b) => (b[1] > a[1] ? b : a));
    parts.push(`Best ${name}: ${score.toFixed(4)} after epoch ${epoch}.`);
  }
  return parts.join(' ');
}

/** The scores that were measured, [epoch, score], and what they are called. */
function scoresOf(epochs: readonly Epoch[]): { readonly name: string; readonly title: string; readonly points: [number, number][] } {
  const points = epochs.flatMap(({ epoch, map, iou }): [number, number][] => (map ?? iou) === undefined ? [] : [[epoch, (map ?? iou)!]]);
  return epochs.some(({ iou }) => iou !== undefined) ? { name: 'mIoU', title: 'Mean IoU', points } : { name: 'mAP', title: 'Mean average precision', points };
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value) ?? String(value);
}

function table(caption: string, head: readonly string[], rows: readonly (readonly string[])[], kind?: string): string {
  const row = (tag: string, cells: readonly string[]): string => `<tr>${cells.map((cell) => `<${tag}>${escapeXml(cell)}</${tag}>`).join('')}</tr>`;
  return [
    `<h2>${caption}</h2>`,
    `<div class="scroll"><table${kind === undefined ? '' : ` class="${kind}"`}>`,
    `<thead>${row('th', head)}</thead>`,
    `<tbody>${rows.map((cells) => row('td', cells)).join('\n')}</tbody>`,
    '</table></div>',
  ].join('\n');
}

const STYLE = [
  ':root{--back:#fff;--ink:#222;--line:#ddd}',
  '@media (prefers-color-scheme:dark){:root{--back:#16181c;--ink:#e4e4e4;--line:#3a3d42}}',
  'body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif}',
  'main{max-width:44rem;margin:0 auto;padding:1rem .75rem}',
  'h1{font-size:1.5rem;overflow-wrap:anywhere}',
  'h2{font-size:1.2rem;margin-top:2rem}',
  'figure{margin:1.5rem 0}',
  'figure svg.line-chart{width:100%;height:auto}',
  '.scroll{overflow-x:auto}',
  'table{border-collapse:collapse;width:100%}',
  'th,td{padding:.3rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;overflow-wrap:anywhere}',
  '.numbers th,.numbers td{text-align:right;font-variant-numeric:tabular-nums}',
].join('');
