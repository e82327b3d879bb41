import { IGNORE_LABEL } from '../datasets/label-map.js';
import type { LabelMap } from '../datasets/label-map.js';

/**
 * The labels on which several label maps of one photograph agree.
 *
 * @param first labels [height, width]
 * @param others label maps of the same size
 * @returns the label of `first` where all others have the same one, otherwise 255
 * @throws RangeError if the sizes differ
 */
export function agreedLabels(first: LabelMap, others: readonly LabelMap[]): LabelMap {
  const { width, height } = first;
  const data = first.data.slice();
  for (const other of others) {
    if (other.width !== width || other.height !== height) throw new RangeError(`one label map has ${width} x ${height} pixels, the other ${other.width} x ${other.height}`);
    for (let i = 0; i < data.length; i++) if (other.data[i] !== data[i]) data[i] = IGNORE_LABEL;
  }
  return { width, height, data };
}
