import { AXIS_NAMES } from '../settings/axes.js';
import type { SeedSettings } from '../settings/cam.js';
import { markdownTable } from '../metrics/format.js';
import type { ClassSet } from '../datasets/classes/class-set.js';
import type { PassSettings } from '../variants/pass.js';
import { csvCell } from '../text/csv.js';
import type { AblationScores, Parameter, VariantScore } from './score.js';

/**
 * The settings with which `generate` makes the seeds of a variant with its chosen parameter. Written to a file, they are a
 * configuration for `generate --config`.
 *
 * @param pass the settings that all variants share
 * @param classes the class set that thresholds per class are for
 */
export function generateSettings(
  { variant, parameter }: Pick<VariantScore, 'variant' | 'parameter'>, { target, finerStrength, scoreCamTopK, scoreCamBatch, inputSize, maxPixels }: PassSettings,
  classes: ClassSet,
): Partial<SeedSettings> {
  return { ...variant.settings, target, finerStrength, scoreCamTopK, scoreCamBatch, inputSize, maxPixels, ...chosen(parameter, classes) };
}

function chosen(parameter: Parameter, classes: ClassSet): Partial<SeedSettings> {
  switch (parameter.name) {
    case 'otsu': return {};
    case 'per-class': return { classThresholds: Object.fromEntries(parameter.values.flatMap((value, label) => (label === 0 ? [] : [[classes.nameOf(label), value]]))) };
    default: return { [parameter.name]: parameter.value };
  }
}

/** A parameter in a word or two: `0.35`, `alpha 4`, `70 %`. */
export function parameterText(parameter: Parameter): string {
  switch (parameter.name) {
    case 'threshold': return short(parameter.value);
    case 'alpha': return `alpha ${short(parameter.value)}`;
    case 'percentile': return `${short(parameter.value)} %`;
    case 'otsu': return 'Otsu';
    case 'per-class': return 'per class';
  }
}

function short(value: number): string {
  return String(Number(value.toFixed(4)));
}

const percent = (ratio: number): string => (Number.isNaN(ratio) ? '-' : (100 * ratio).toFixed(2));
const signed = (ratio: number): string => `${ratio > 0 ? '+' : ''}${percent(ratio)}`;

/** The variants as a Markdown table, the best first, with notes. */
export function ablationMarkdown(result: AblationScores): string {
  const { scores, baseline, sawMasks } = result;
  const intervals = scores.some(({ low }) => low !== undefined);
  const header = [
    'variant', 'threshold', ...sawMasks ? ['mIoU'] : ['mIoU tuned', 'mIoU scored'], ...intervals ? ['95 %'] : [], 'difference', ...intervals ? ['95 %', ''] : [],
  ];
  const rows = scores.map(({ variant, parameter, tuned, miou, low, high, difference }) => [
    variant.name, parameterText(parameter), ...sawMasks ? [percent(miou)] : [percent(tuned), percent(miou)],
    ...intervals ? [`${percent(low!)} .. ${percent(high!)}`] : [],
    ...variant.name === baseline
      ? ['baseline', ...intervals ? ['', ''] : []]
      : [signed(difference.value), ...intervals ? [`${signed(difference.low!)} .. ${signed(difference.high!)}`, difference.real === true ? '*' : ''] : []],
  ]);
  return `${markdownTable(header, rows)}\n\n${notesOf(result)}\n`;
}

/** The notes below the table. */
export function notesOf({ scores, baseline, sawMasks, images }: AblationScores): string {
  const intervals = scores.some(({ low }) => low !== undefined);
  return [
    sawMasks
      ? `Thresholds are the best ones for these ${images.score} images: they saw the masks, and so did every mIoU here.`
      : `Thresholds are the best ones for ${images.tune} images; mIoU scored is that of ${images.score} images with them.`,
    `Differences are to '${baseline}'.${intervals ? ' 95 %: percentile intervals of a bootstrap over the images, thresholds fixed; * the interval leaves out 0.' : ''}`,
  ].join('\n');
}

/** The result for JSON; ratios in 0..1, NaN becomes null. */
export function ablationJson({ classes, scores, baseline, sawMasks, images }: AblationScores, pass: PassSettings): Record<string, unknown> {
  return {
    ...classes.name !== 'voc' && { classSet: classes.data },
    images, sawMasks, baseline,
    variants: scores.map((score) => ({
      name: score.variant.name,
      settings: generateSettings(score, pass, classes),
      layers: score.variant.recipe.layers,
      threshold: score.parameter.name === 'threshold' ? score.parameter.value : null,
      parameter: score.parameter.name === 'per-class' ? { name: 'per-class' } : score.parameter,
      tuned: score.tuned, miou: score.miou, low: score.low, high: score.high,
      difference: score.difference,
      perClass: Object.fromEntries(score.perLabel.map((iou, label) => [classes.nameOf(label), iou])),
      curve: score.curve,
    })),
  };
}

/** The result as CSV: one line per variant, ratios in 0..1 in full precision; a cell is empty if there is no number. */
export function ablationCsv({ classes, scores }: AblationScores): string {
  const header = [
    'variant', 'parameter', 'value', 'tuned', 'miou', 'low', 'high', 'difference', 'difference_low', 'difference_high', 'real',
    ...scores[0].perLabel.map((_, label) => `iou_${classes.nameOf(label)}`), ...AXIS_NAMES,
  ];
  const lines = scores.map(({ variant, parameter, tuned, miou, low, high, difference, perLabel }) => [
    variant.name, parameter.name, 'value' in parameter ? parameter.value : '', tuned, miou, low, high,
    difference.value, difference.low, difference.high, difference.real, ...perLabel, ...AXIS_NAMES.map((axis) => variant.settings[axis]),
  ]);
  return [header, ...lines].map((line) => `${line.map(cellOf).join(',')}\n`).join('');
}

function cellOf(value: unknown): string {
  if (value === undefined || Number.isNaN(value)) return '';
  return csvCell(Array.isArray(value) ? value.join(' ') : String(value));
}
