import { messageOf } from '../errors.js';
import type { ClassSetData } from '../datasets/classes/class-set.js';
import { classSetOf } from '../datasets/classes/known.js';
import { VOC } from '../datasets/classes/voc.js';
import { readMask, type MaskOptions } from '../datasets/masks.js';
import { readTruth, truthName, type TruthInput } from '../datasets/truth.js';
import { ConfusionMatrix } from './confusion.js';
import { coverageOf, scoreAllWays, type IgnoredAs } from './scores.js';

/** A prediction and its ground truth, of the same size. */
export interface MaskPair {
  /** The name of the image in reports. */
  readonly id: string;
  /** The ground truth, or the path of its label mask. */
  readonly truth: TruthInput;
  readonly predictionPath: string;
}

/** A pair that could not be scored, and why. Its pixels are not counted. */
export interface PairFailure {
  readonly id: string;
  readonly message: string;
}

/** The scores of one image, for each way of scoring ignored pixels. */
export interface ImageScore {
  readonly id: string;
  /** Mean IoU over the labels in this image's ground truth or prediction; NaN if no pixel is valid. */
  readonly meanIou: Readonly<Record<IgnoredAs, number>>;
  /** IoU of each label from 0, NaN for labels that are not in this image. */
  readonly iou: Readonly<Record<IgnoredAs, readonly number[]>>;
  /** The share of valid pixels that are predicted as a label; NaN if no pixel is valid. */
  readonly coverage: number;
}

/** Options of {@link scorePairs}: plain data, because they are sent to worker threads. */
export interface ScorePairsOptions extends Pick<MaskOptions, 'rgb'> {
  /** The classes of the masks. Default: VOC. */
  readonly classSet?: ClassSetData;
  /** Also score each image. */
  readonly byImage?: boolean;
}

/** The result of {@link scorePairs}: plain data, so that a worker thread can send it. */
export interface PairScores {
  /** The counts of a {@link ConfusionMatrix} over the pairs that could be scored. */
  readonly counts: Float64Array;
  /** The number of those pairs. */
  readonly scored: number;
  readonly failures: readonly PairFailure[];
  /** The number of pairs with a mask whose void is white. */
  readonly whiteVoid: number;
  /** One entry per scored pair, in order; empty unless `byImage` is set. */
  readonly images: readonly ImageScore[];
}

/**
 * Reads pairs of masks one by one and counts them into one matrix. A pair that cannot be read, has different sizes or
 * contains values that are not labels becomes a failure and does not stop the others.
 */
export async function scorePairs(
  pairs: readonly MaskPair[], { byImage = false, rgb, classSet = VOC.data }: ScorePairsOptions = {},
): Promise<PairScores> {
  const classes = classSetOf(classSet);
  const total = new ConfusionMatrix(classes.labelCount);
  const failures: PairFailure[] = [];
  const images: ImageScore[] = [];
  let whiteVoid = 0;
  for (const pair of pairs) {
    try {
      const truth = await readTruth(pair.truth, { rgb, classes });
      const prediction = await readMask(pair.predictionPath, { rgb, classes });
      const one = new ConfusionMatrix(classes.labelCount);
      one.add(truth, prediction, { truth: truthName(pair.truth), prediction: pair.predictionPath });
      if (truth.whiteVoid ?? prediction.whiteVoid) whiteVoid++;
      total.merge(one);
      if (byImage) images.push(scoreImage(pair.id, one));
    } catch (error) {
      failures.push({ id: pair.id, message: messageOf(error) });
    }
  }
  return { counts: total.counts, scored: pairs.length - failures.length, failures, whiteVoid, images };
}

/** The scores of one image from the matrix of its pair. */
export function scoreImage(id: string, matrix: ConfusionMatrix): ImageScore {
  const { error, background, excluded } = scoreAllWays(matrix);
  return {
    id,
    meanIou: { error: error.meanIou, background: background.meanIou, excluded: excluded.meanIou },
    iou: {
      error: error.labels.map(({ iou }) => iou),
      background: background.labels.map(({ iou }) => iou),
      excluded: excluded.labels.map(({ iou }) => iou),
    },
    coverage: coverageOf(matrix).share,
  };
}
