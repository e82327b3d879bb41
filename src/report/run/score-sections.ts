import type { EvaluationResult } from '../../metrics/evaluate.js';
import { IGNORED_AS } from '../../metrics/scores.js';
import type { IgnoredAs } from '../../metrics/scores.js';
import { barChartSvg } from '../charts/bar-chart.js';
import { escapeXml } from '../charts/escape.js';
import { lineChartSvg } from '../charts/line-chart.js';
import type { Ablation } from './ablation.js';
import { mostConfused } from './confused.js';
import type { ConfusedPair } from './confused.js';
import { folded, num, paragraph, percent, section, table } from './html.js';
import type { RunRecord } from './record.js';
import type { ScoredPrediction, ThresholdCurve } from './scores.js';

/** The names in the report of the ways to score pixels predicted as ignore. */
export const WAY_NAMES: Readonly<Record<IgnoredAs, string>> = { error: 'errors', background: 'background', excluded: 'left out' };

/** Whether any prediction ignores pixels. Otherwise the three ways of scoring are equal. */
export function ignoresPixels(predictions: readonly ScoredPrediction[]): boolean {
  return predictions.some(({ result }) => result !== undefined && result.coverage.predicted < result.coverage.valid);
}

/** The number of confused pairs in a table. */
const PAIRS = 8;

/** The mIoU, the scores of each class and the confused classes; empty without ground truth. */
export function scoreSection(predictions: readonly ScoredPrediction[]): string {
  const [{ result }] = predictions;
  if (result === undefined) return '';
  const ways = ignoresPixels(predictions) ? IGNORED_AS : (['error'] as const);
  return section('scores', 'Scores', [
    ...(ways.length > 1 ? [waySelect()] : []),
    means(predictions, ways),
    paragraph(`IoU is TP / (TP + FP + FN) over the pixels of all images, as in the VOC devkit. Pixels whose ground truth is 255 are left out. Means are taken over ${classesNote(result)}.`, 'note'),
    ...byWay(ways, (way) => [
      `<div class="columns"><figure>\n${classBars(result, way)}</figure><div>`,
      confusion('Most confused, background included', mostConfused(result.matrix, PAIRS), result),
      confusion('Most confused between classes', mostConfused(result.matrix, PAIRS, true), result),
      '</div></div>',
      folded('Scores of every class', classTable(result, way)),
    ].join('\n')),
  ]);
}

/** Compares the run's seeds with the refined ones or with another run's. */
export function comparisonSection(predictions: readonly ScoredPrediction[]): string {
  const ways = ignoresPixels(predictions) ? IGNORED_AS : (['error'] as const);
  const [{ name: ownName }] = predictions;
  const parts = predictions.slice(1).flatMap(({ name, result, reference }) => {
    if (result === undefined || reference === undefined) return [];
    return [
      `<h3>${escapeXml(`${ownName} and ${name}`)}</h3>`,
      ...(reference.scored === predictions[0].result?.scored ? [] : [paragraph(`Both are scored on the ${reference.scored} images that both have.`, 'note')]),
      ...byWay(ways, (way) => {
        const [own, other] = [reference.scores[way], result.scores[way]];
        const present = own.labels.filter(({ label, iou }) => !Number.isNaN(iou) || !Number.isNaN(other.labels[label].iou));
        return [
          paragraph(`mIoU ${percent(own.meanIou)} % against ${percent(other.meanIou)} %: ${signed(own.meanIou - other.meanIou)} points.`, 'statement'),
          `<div class="columns"><figure>\n${barChartSvg({
            title: 'IoU by class', unit: 'IoU in %', series: [ownName, name], range: [0, 100],
            rows: present.map(({ label, iou }) => ({ name: result.classes.nameOf(label), values: [100 * iou, 100 * other.labels[label].iou] })),
          })}</figure><figure>\n${barChartSvg({
            title: `${ownName} minus ${name}`, unit: 'points of IoU', series: ['difference'], signed: true,
            rows: present.map(({ label, iou }) => ({ name: result.classes.nameOf(label), values: [100 * (iou - other.labels[label].iou)] })),
          })}</figure></div>`,
        ].join('\n');
      }),
    ];
  });
  return section('comparison', 'Comparison', parts);
}

/** The mIoU against the threshold, and the threshold that the run used. */
export function thresholdSection(curve: ThresholdCurve | undefined, { settings = {} }: RunRecord): string {
  if (curve === undefined) return '';
  const used = usedThreshold(settings);
  const highest = 100 * curve.best.meanIou;
  const at = used === undefined ? undefined : nearest(curve, used);
  const sentences = [
    `The best threshold, ${curve.best.threshold.toFixed(2)}, reaches ${percent(curve.best.meanIou)} %. It was chosen with the masks, so it is an upper bound for these maps and not a score of the method.`,
    at === undefined
      ? settings.background === undefined
        ? 'The run does not say which threshold it used, so none is marked.'
        : `The run did not use one constant threshold (background: ${String(settings.background)}), so none is marked.`
      : `The run used ${used!.toFixed(2)}, which gives ${percent(at.meanIou)} % here${Number.isInteger(Math.round(used! * 1e6) / 1e4) ? '' : ' (at the nearest step)'}.`,
    `Counted on ${curve.images.toLocaleString('en-US')} images whose maps were saved, ${mapsText(settings)}.`,
  ];
  return section('threshold', 'Threshold', [
    `<div class="columns"><figure>\n${lineChartSvg({
      title: 'mIoU against threshold (saw the masks)', xLabel: 'threshold', yLabel: 'mIoU in %',
      series: [
        { name: 'stored maps', points: curve.points.map(({ threshold, meanIou }) => [threshold, 100 * meanIou]) },
        ...(at === undefined ? [] : [{ name: `used: ${used!.toFixed(2)}`, points: [[used!, 0], [used!, highest]] as const }]),
        { name: `best: ${curve.best.threshold.toFixed(2)}`, points: [[curve.best.threshold, highest]] },
      ],
    })}</figure><div>${paragraph(sentences[0])}${paragraph(sentences[1])}${paragraph(sentences[2], 'note')}</div></div>`,
  ]);
}

/** How the stored maps were processed, as far as the run says. */
export function mapsText({ refine, edgeUpsample }: Readonly<Record<string, unknown>>): string {
  const named = (value: unknown): string | undefined => (typeof value === 'string' ? value.trim().replace(/^none$/, '') : undefined);
  const [chain, upsampler] = [named(refine), named(edgeUpsample)];
  const edges = upsampler === undefined || upsampler === '' ? [] : [`upsampled along edges by ${upsampler}`];
  if (chain === undefined) return ['the run does not say whether they were refined', ...edges].join('; ');
  return [...edges, chain === '' ? 'not refined' : `refined by ${chain}`].join(' and ');
}

/** The variants of an ablation as a table and a bar chart, in the order of the file. */
export function ablationSection(ablation: Ablation | undefined): string {
  if (ablation === undefined) return '';
  const { variants, sawMasks } = ablation;
  const intervals = variants.some(({ low, high }) => low !== undefined && high !== undefined);
  const thresholds = variants.some(({ threshold }) => threshold !== undefined);
  const head = ['variant', 'mIoU %', ...(intervals ? ['interval %'] : []), ...(thresholds ? ['threshold'] : [])];
  const rows = variants.map(({ name, miou, low, high, threshold }) => [
    name, num(percent(miou)),
    ...(intervals ? [num(low === undefined || high === undefined ? '–' : `${percent(low)} to ${percent(high)}`)] : []),
    ...(thresholds ? [num(threshold === undefined ? '–' : threshold.toFixed(2))] : []),
  ]);
  return section('ablation', 'Ablation', [
    ...(sawMasks === true ? [paragraph('The thresholds were chosen with the same masks that the scores are computed with.', 'note')] : []),
    `<div class="columns"><figure>\n${barChartSvg({
      title: 'mIoU of the variants', unit: 'mIoU in %', series: ['mIoU'],
      rows: variants.map(({ name, miou, low, high }) => ({
        name, values: [100 * miou], interval: low === undefined || high === undefined ? undefined : [100 * low, 100 * high],
      })),
    })}</figure>`,
    table('Variants of the ablation', head, rows),
    '</div>',
  ]);
}

/** The constant threshold of the seeds, if there was one. */
export function usedThreshold(settings: Readonly<Record<string, unknown>>): number | undefined {
  const { threshold, background } = settings;
  return typeof threshold === 'number' && (background === undefined || background === 'constant') ? threshold : undefined;
}

function nearest({ points }: ThresholdCurve, threshold: number): ThresholdCurve['best'] {
  return points.reduce((best, point) => (Math.abs(point.threshold - threshold) < Math.abs(best.threshold - threshold) ? point : best));
}

/** The content for each way of scoring ignored pixels. The page shows one at a time. */
function byWay(ways: readonly IgnoredAs[], content: (way: IgnoredAs) => string): string[] {
  return ways.map((way) => `<div data-way="${way}"${way === 'error' ? '' : ' hidden'}>\n${content(way)}\n</div>`);
}

function waySelect(): string {
  return [
    '<p class="field"><label for="way">Pixels predicted as ignore (255) count as</label>',
    `<select id="way">${IGNORED_AS.map((way) => `<option value="${way}">${WAY_NAMES[way]}</option>`).join('')}</select></p>`,
  ].join(' ');
}

function means(predictions: readonly ScoredPrediction[], ways: readonly IgnoredAs[]): string {
  const rows = predictions.flatMap(({ name, result }) => (result === undefined
    ? []
    : ways.map((way) => {
        const scores = result.scores[way];
        return [
          ...(predictions.length > 1 ? [name] : []), ...(ways.length > 1 ? [WAY_NAMES[way]] : []),
          ...[
            scores.meanIou, scores.meanPrecision, scores.meanRecall, scores.meanOverActivation, scores.meanUnderActivation, scores.pixelAccuracy,
            result.coverage.share,
          ].map((share) => num(percent(share))),
          num(result.scored.toLocaleString('en-US')),
        ];
      })));
  const head = [
    ...(predictions.length > 1 ? ['labels'] : []), ...(ways.length > 1 ? ['ignored pixels are'] : []),
    'mIoU %', 'precision %', 'recall %', 'over %', 'under %', 'pixel accuracy %', 'coverage %', 'images',
  ];
  return table('Mean scores', head, rows);
}

function classBars({ classes, scores }: EvaluationResult, way: IgnoredAs): string {
  return barChartSvg({
    title: 'IoU by class', unit: 'IoU in %', series: ['IoU'], range: [0, 100],
    rows: scores[way].labels.filter(({ iou }) => !Number.isNaN(iou)).map(({ label, iou }) => ({ name: classes.nameOf(label), values: [100 * iou] })),
  });
}

function classTable({ classes, scores }: EvaluationResult, way: IgnoredAs): string {
  const head = ['class', 'IoU %', 'precision %', 'recall %', 'over %', 'under %'];
  return table('Scores by class', head, scores[way].labels.map(({ label, iou, precision, recall, overActivation, underActivation }) => [
    classes.nameOf(label), ...[iou, precision, recall, overActivation, underActivation].map((share) => num(percent(share))),
  ]));
}

function confusion(title: string, pairs: readonly ConfusedPair[], { classes }: EvaluationResult): string {
  if (pairs.length === 0) return '';
  return `<h3>${title}</h3>\n${table(title, ['true', 'predicted', 'pixels', 'of the true class'], pairs.map(({ truth, predicted, pixels, share }) => [
    classes.nameOf(truth), predicted === 255 ? 'ignored' : classes.nameOf(predicted), num(pixels.toLocaleString('en-US')), num(`${percent(share)} %`),
  ]))}`;
}

function classesNote({ classes, scores: { error: { present, absent } } }: EvaluationResult): string {
  const all = classes.labelCount;
  return absent.length === 0 ? `all ${all} classes` : `${present.length} of ${all} classes (absent: ${absent.map((label) => classes.nameOf(label)).join(', ')})`;
}

function signed(difference: number): string {
  return `${difference > 0 ? '+' : ''}${percent(difference)}`.replace('-', '\u2212');
}
