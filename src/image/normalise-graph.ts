import type { GraphBuilder, Value } from '../onnx/builder.js';
import { DataType, OnnxTensor } from '../onnx/tensor.js';
import type { Normalisation } from './normalise.js';
import { normalisedValues } from './normalise.js';

/**
 * Adds the work of `toTensor` to a graph, with the same numbers to the last bit: they are looked up in the same table. Rounded
 * arithmetic would move activations across the limits of ReLU6 in networks that were quantised once, and so change their maps.
 *
 * @param pixels RGB, uint8 [1, H, W, 3]
 * @returns NCHW, float32 [1, 3, H, W]
 */
export function normalisedInGraph(b: GraphBuilder, pixels: Value, normalisation: Normalisation): Value {
  const planes = b.transpose(b.cast(pixels, DataType.int64), [0, 3, 1, 2]);
  const ordered = normalisation.channelOrder === 'rgb' ? planes : b.gather(planes, b.ints([2, 1, 0]), 1);
  const starts = b.constant(OnnxTensor.int64([1, 3, 1, 1], [0, 256, 512]));
  return b.gather(b.floats(normalisedValues(normalisation)), b.add(ordered, starts), 0);
}
