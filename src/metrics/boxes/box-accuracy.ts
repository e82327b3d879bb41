/** An accuracy and the threshold it was reached at. */
export interface BestAccuracy {
  /** 0..1 */
  readonly accuracy: number;
  /** The first step of the sweep with this accuracy. */
  readonly step: number;
}

/** The IoU that a box needs in MaxBoxAccV2, which is the mean over them. */
export const V2_IOUS = [0.3, 0.5, 0.7] as const;

/**
 * The share of maps whose box has at least an IoU, at each threshold.
 *
 * @param ious the IoU of each map's box at each threshold, [steps]; at least one map
 * @returns [steps], 0..1
 */
export function boxAccuracy(ious: readonly Float64Array[], least: number): Float64Array {
  return Float64Array.from(ious[0], (_, step) => ious.filter((own) => own[step] >= least).length / ious.length);
}

/**
 * MaxBoxAcc of Choe et al. (CVPR 2020): the largest box accuracy over all thresholds, chosen on the very maps that are scored. With the
 * IoUs of the largest contours and 0.5 it is MaxBoxAcc (V1); the mean over {@link V2_IOUS} with the best contours is MaxBoxAccV2.
 *
 * @param ious as for {@link boxAccuracy}
 */
export function maxBoxAccuracy(ious: readonly Float64Array[], least: number): BestAccuracy {
  const accuracies = boxAccuracy(ious, least);
  const step = accuracies.reduce((best, value, i) => (value > accuracies[best] ? i : best), 0);
  return { accuracy: accuracies[step], step };
}
