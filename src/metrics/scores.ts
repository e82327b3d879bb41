import type { ConfusionMatrix } from './confusion.js';

/**
 * How a pixel predicted as ignore (255) is scored if the ground truth has a label:
 * - `error`: a false negative of its true label, and no false positive of any label.
 * - `background`: as if background had been predicted.
 * - `excluded`: as if the pixel did not exist. This flatters predictions that leave out hard pixels, so look at the
 *   coverage as well.
 */
export const IGNORED_AS = ['error', 'background', 'excluded'] as const;

/** One of {@link IGNORED_AS}. */
export type IgnoredAs = (typeof IGNORED_AS)[number];

/**
 * The scores of one label. All ratios are in [0, 1], or NaN if the denominator is 0.
 * TP, FP and FN are numbers of pixels: predicted and true, predicted but not true, true but not predicted.
 */
export interface LabelScores {
  /** 0 background, then the classes. */
  readonly label: number;
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  /**
   * TP / (TP + FP + FN), the "segmentation accuracy" of the VOC devkit. 0 for a label that is predicted but never true; NaN
   * for a label that is neither (an absent label).
   */
  readonly iou: number;
  /** TP / (TP + FP); NaN if the label is not predicted. */
  readonly precision: number;
  /** TP / (TP + FN); NaN if the label is not in the ground truth. */
  readonly recall: number;
  /** FP / (TP + FP + FN): the part of the union lost to predicting too much. `iou + overActivation + underActivation = 1`. */
  readonly overActivation: number;
  /** FN / (TP + FP + FN): the part of the union lost to predicting too little. */
  readonly underActivation: number;
}

/** The scores of a confusion matrix for one way of scoring ignored pixels. */
export interface Scores {
  readonly ignoredAs: IgnoredAs;
  /** One entry per label, in order. */
  readonly labels: readonly LabelScores[];
  /** Labels in the ground truth or in the prediction. The means are taken over these. */
  readonly present: readonly number[];
  /** Labels in neither. Their scores are NaN and left out of the means. */
  readonly absent: readonly number[];
  /** Mean IoU over the present labels; NaN if there are none. */
  readonly meanIou: number;
  /** Mean precision over the labels that are predicted. */
  readonly meanPrecision: number;
  /** Mean recall over the labels of the ground truth. */
  readonly meanRecall: number;
  /** Mean over-activation over the present labels. */
  readonly meanOverActivation: number;
  /** Mean under-activation over the present labels. */
  readonly meanUnderActivation: number;
  /** The share of scored pixels whose label is correct (with `excluded`: of the predicted pixels). */
  readonly pixelAccuracy: number;
}

/**
 * Scores a confusion matrix as the PASCAL VOC devkit does (Everingham et al., "The PASCAL Visual Object Classes
 * Challenge: A Retrospective", IJCV 2015): counts are summed over all images first, and each label's
 * IoU = TP / (TP + FP + FN) is computed from the sums, not averaged over images. There are two differences. The devkit
 * rejects predictions of 255; here `ignoredAs` says how they are scored. The devkit divides 0 by 0 for a label that is
 * neither true nor predicted; here that label is left out of the means and listed in `absent`.
 */
export function scoreMatrix(matrix: ConfusionMatrix, ignoredAs: IgnoredAs): Scores {
  const labels = Array.from({ length: matrix.labelCount }, (_, label) => scoreLabel(matrix, label, ignoredAs));
  const present = labels.filter((scores) => unionOf(scores) > 0);
  const correct = labels.reduce((sum, scores) => sum + scores.truePositives, 0);
  const { valid, predicted } = coverageOf(matrix);
  return {
    ignoredAs,
    labels,
    present: present.map(({ label }) => label),
    absent: labels.filter((scores) => unionOf(scores) === 0).map(({ label }) => label),
    meanIou: mean(labels.map(({ iou }) => iou)),
    meanPrecision: mean(labels.map(({ precision }) => precision)),
    meanRecall: mean(labels.map(({ recall }) => recall)),
    meanOverActivation: mean(labels.map(({ overActivation }) => overActivation)),
    meanUnderActivation: mean(labels.map(({ underActivation }) => underActivation)),
    pixelAccuracy: correct / (ignoredAs === 'excluded' ? predicted : valid),
  };
}

/** The scores of a matrix for every way of scoring ignored pixels. Without ignored pixels the three are equal. */
export function scoreAllWays(matrix: ConfusionMatrix): Record<IgnoredAs, Scores> {
  return {
    error: scoreMatrix(matrix, 'error'),
    background: scoreMatrix(matrix, 'background'),
    excluded: scoreMatrix(matrix, 'excluded'),
  };
}

/** How much of the ground truth has a predicted label. */
export interface Coverage {
  /** Pixels with a label in the ground truth (not 255). */
  readonly valid: number;
  /** Valid pixels that are predicted as a label (not 255). */
  readonly predicted: number;
  /** `predicted / valid`, in [0, 1]; NaN if no pixel is valid. */
  readonly share: number;
}

/** How many of the valid pixels are predicted, see {@link Coverage}. */
export function coverageOf(matrix: ConfusionMatrix): Coverage {
  const valid = matrix.counts.reduce((sum, count) => sum + count, 0);
  let ignored = 0;
  for (let label = 0; label < matrix.labelCount; label++) ignored += matrix.at(label, matrix.ignoredColumn);
  return { valid, predicted: valid - ignored, share: (valid - ignored) / valid };
}

function scoreLabel(matrix: ConfusionMatrix, label: number, ignoredAs: IgnoredAs): LabelScores {
  const { labelCount, ignoredColumn } = matrix;
  let predictedAsLabel = 0;
  let trulyLabel = 0;
  for (let truth = 0; truth < labelCount; truth++) predictedAsLabel += matrix.at(truth, label);
  for (let column = 0; column <= ignoredColumn; column++) trulyLabel += matrix.at(label, column);
  let truePositives = matrix.at(label, label);
  if (ignoredAs === 'background' && label === 0) {
    for (let truth = 0; truth < labelCount; truth++) predictedAsLabel += matrix.at(truth, ignoredColumn);
    truePositives += matrix.at(0, ignoredColumn);
  }
  if (ignoredAs === 'excluded') trulyLabel -= matrix.at(label, ignoredColumn);
  const union = predictedAsLabel + trulyLabel - truePositives;
  const falsePositives = predictedAsLabel - truePositives;
  const falseNegatives = trulyLabel - truePositives;
  return {
    label,
    truePositives,
    falsePositives,
    falseNegatives,
    iou: truePositives / union,
    precision: truePositives / predictedAsLabel,
    recall: truePositives / trulyLabel,
    overActivation: falsePositives / union,
    underActivation: falseNegatives / union,
  };
}

function unionOf({ truePositives, falsePositives, falseNegatives }: LabelScores): number {
  return truePositives + falsePositives + falseNegatives;
}

/** The mean of the values that are not NaN; NaN if there are none. */
function mean(values: readonly number[]): number {
  const numbers = values.filter((value) => !Number.isNaN(value));
  return numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}
