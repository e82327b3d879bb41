import type { ClassSet } from '../datasets/classes/class-set.js';
import { csvCell } from '../text/csv.js';
import type { EvaluationResult } from './evaluate.js';
import type { ImageScore } from './score-pairs.js';
import { IGNORED_AS, type IgnoredAs, type Scores } from './scores.js';

const ignoredAsText: Readonly<Record<IgnoredAs, string>> = {
  error: 'as errors',
  background: 'as background',
  excluded: 'left out',
};

/**
 * The scores as Markdown: a table by class for one way of scoring ignored pixels. If any pixel is predicted as ignore, the
 * means for all three ways and the coverage follow. Ratios are in percent; `-` stands for NaN.
 */
export function evaluationMarkdown({ classes, scores, coverage }: EvaluationResult, ignoredAs: IgnoredAs): string {
  const shown = scores[ignoredAs];
  const anyIgnored = coverage.predicted < coverage.valid;
  const blocks = [
    ...anyIgnored ? [`Pixels predicted as ignore (255) are scored ${ignoredAsText[ignoredAs]}:`] : [],
    labelTable(shown, classes),
    [meanNote(shown, classes), `Pixel accuracy: ${percent(shown.pixelAccuracy)} %`].join('\n'),
    ...anyIgnored ? [policyTable(scores), `Coverage: ${percent(coverage.share)} % of the valid pixels are predicted as a label.`] : [],
  ];
  return `${blocks.join('\n\n')}\n`;
}

function labelTable(scores: Scores, classes: ClassSet): string {
  const rows = scores.labels.map(({ label, iou, precision, recall, overActivation, underActivation }) =>
    [classes.nameOf(label), ...[iou, precision, recall, overActivation, underActivation].map(percent)]);
  const means = [scores.meanIou, scores.meanPrecision, scores.meanRecall, scores.meanOverActivation, scores.meanUnderActivation];
  return markdownTable(['class', 'IoU', 'precision', 'recall', 'over', 'under'], [...rows, ['**mean**', ...means.map(percent)]]);
}

/** Says which classes the means are taken over. */
function meanNote({ labels, present, absent }: Scores, classes: ClassSet): string {
  const notes = [`mean over ${present.length} of ${classes.labelCount} classes`];
  if (absent.length > 0) notes.push(`absent: ${absent.map((label) => classes.nameOf(label)).join(', ')}`);
  const predicted = labels.filter(({ precision }) => !Number.isNaN(precision)).length;
  const inTruth = labels.filter(({ recall }) => !Number.isNaN(recall)).length;
  if (predicted !== present.length) notes.push(`precision over the ${predicted} predicted`);
  if (inTruth !== present.length) notes.push(`recall over the ${inTruth} in the ground truth`);
  return notes.join('; ');
}

function policyTable(scores: EvaluationResult['scores']): string {
  return markdownTable(
    ['ignored pixels', 'mean IoU', 'over', 'under', 'pixel accuracy', 'classes'],
    IGNORED_AS.map((policy) => {
      const { meanIou, meanOverActivation, meanUnderActivation, pixelAccuracy, present } = scores[policy];
      const ratios = [meanIou, meanOverActivation, meanUnderActivation, pixelAccuracy];
      return [ignoredAsText[policy], ...ratios.map(percent), String(present.length)];
    }),
  );
}

/** Sorts images by mean IoU, lowest first. Images without a valid pixel come last; equal ones keep their order. */
export function worstImages(images: readonly ImageScore[], ignoredAs: IgnoredAs): ImageScore[] {
  const key = ({ meanIou }: ImageScore): number => Number.isNaN(meanIou[ignoredAs]) ? Infinity : meanIou[ignoredAs];
  return [...images].sort((a, b) => key(a) === key(b) ? 0 : key(a) - key(b));
}

/** A Markdown table of images with their mean IoU, coverage and IoU by class, in the given order. */
export function imagesMarkdown(images: readonly ImageScore[], classes: ClassSet, ignoredAs: IgnoredAs): string {
  return `${markdownTable(
    ['image', 'mean IoU', 'coverage', 'IoU by class'],
    images.map(({ id, meanIou, iou, coverage }) => [
      id, percent(meanIou[ignoredAs]), percent(coverage),
      iou[ignoredAs].flatMap((value, label) => Number.isNaN(value) ? [] : [`${classes.nameOf(label)} ${percent(value)}`]).join(', ') || '-',
    ]),
    [0, 3],
  )}\n`;
}

/**
 * The scores as CSV: one line per class and a line `mean`, for each way of scoring ignored pixels. Ratios are in
 * [0, 1] in full precision, counts are in pixels, and NaN is an empty cell.
 */
export function evaluationCsv({ classes, scores }: EvaluationResult): string {
  const lines: (string | number)[][] = [['ignored_as', 'label', 'class', 'iou', 'precision', 'recall', 'over', 'under', 'tp', 'fp', 'fn']];
  for (const policy of IGNORED_AS) {
    const { labels, meanIou, meanPrecision, meanRecall, meanOverActivation, meanUnderActivation } = scores[policy];
    for (const { label, iou, precision, recall, overActivation, underActivation, ...counts } of labels) {
      lines.push([
        policy, label, csvCell(classes.nameOf(label)), iou, precision, recall, overActivation, underActivation,
        counts.truePositives, counts.falsePositives, counts.falseNegatives,
      ]);
    }
    lines.push([policy, '', 'mean', meanIou, meanPrecision, meanRecall, meanOverActivation, meanUnderActivation, '', '', '']);
  }
  return lines.map((line) => `${line.map((cell) => Number.isNaN(cell) ? '' : cell).join(',')}\n`).join('');
}

/**
 * All counts and scores, for JSON. Ratios are in [0, 1]; NaN becomes `null` in JSON. `confusion` is [labels][labels + 1]: a row
 * is a true label, a column a predicted label, and the last column is ignore. `classSet` is left out for VOC.
 */
export function evaluationJson({ classes, matrix, scores, coverage }: EvaluationResult): Record<string, unknown> {
  const nameOf = (label: number): string => classes.nameOf(label);
  return {
    ...classes.name !== 'voc' && { classSet: classes.data },
    pixels: { valid: coverage.valid, predicted: coverage.predicted },
    coverage: coverage.share,
    scores: Object.fromEntries(IGNORED_AS.map((policy) => {
      const { labels, present, absent, ...means } = scores[policy];
      return [policy, {
        ...means,
        present: present.map(nameOf),
        absent: absent.map(nameOf),
        classes: labels.map((label) => ({ class: nameOf(label.label), ...label })),
      }];
    })),
    confusion: matrix.rows(),
  };
}

/** The scores of single images, for JSON. IoU is keyed by class name and contains only the classes of the image. */
export function imagesJson(images: readonly ImageScore[], classes: ClassSet): Record<string, unknown>[] {
  return images.map(({ id, meanIou, iou, coverage }) => ({
    id,
    coverage,
    meanIou,
    iou: Object.fromEntries(IGNORED_AS.map((policy) => [
      policy,
      Object.fromEntries(iou[policy].flatMap((value, label) => Number.isNaN(value) ? [] : [[classes.nameOf(label), value] as const])),
    ])),
  }));
}

function percent(ratio: number): string {
  return Number.isNaN(ratio) ? '-' : (100 * ratio).toFixed(2);
}

/** A Markdown table with aligned columns: those listed in `text` to the left, the others to the right. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[], text: readonly number[] = [0]): string {
  const widths = header.map((title, column) => Math.max(3, title.length, ...rows.map((row) => row[column].length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => text.includes(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column])).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => text.includes(column) ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`).join('|')}|`;
  return [line(header), rule, ...rows.map(line)].join('\n');
}
