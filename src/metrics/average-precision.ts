/**
 * Average precision as in PASCAL VOC 2010 and later: the area under the precision/recall curve over every recall level, with
 * precision made monotonically decreasing (Everingham et al., The PASCAL VOC Development Kit 2012, section 3.4.1).
 * Equal scores are one step of the curve, so the order of the list does not matter.
 *
 * @param scores one per image, higher means more confident
 * @param positive whether each image shows the class
 * @returns 0..1, or NaN if no image is positive
 */
export function averagePrecision(scores: ArrayLike<number>, positive: readonly boolean[]): number {
  const total = positive.filter(Boolean).length;
  if (total === 0) return NaN;
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b] - scores[a]);
  const curve: { precision: number; recall: number }[] = [];
  let hits = 0;
  order.forEach((index, rank) => {
    if (positive[index]) hits++;
    const next = order[rank + 1];
    if (next === undefined || scores[next] !== scores[index]) curve.push({ precision: hits / (rank + 1), recall: hits / total });
  });
  let area = 0;
  let best = 0;
  for (let i = curve.length - 1; i >= 0; i--) {
    best = Math.max(best, curve[i].precision);
    area += best * (curve[i].recall - (curve[i - 1]?.recall ?? 0));
  }
  return area;
}

/** The average precision of every class (NaN if no image shows it), and the mean of the others. */
export interface AveragePrecisions {
  readonly perClass: readonly number[];
  readonly mean: number;
}

/**
 * The average precision of each class, and the mean over the classes that have positive images.
 *
 * @param scores [images, classes], row by row
 * @param labels the classes of each image, indices 0..classCount-1
 */
export function meanAveragePrecision(
  scores: Float32Array, labels: readonly (readonly number[])[], classCount: number,
): AveragePrecisions {
  const perClass = Array.from({ length: classCount }, (_, c) => averagePrecision(
    labels.map((__, i) => scores[i * classCount + c]), labels.map((own) => own.includes(c)),
  ));
  const known = perClass.filter((value) => !Number.isNaN(value));
  return { perClass, mean: known.reduce((sum, value) => sum + value, 0) / known.length };
}
