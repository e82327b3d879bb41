import type { GraphBuilder, Value } from '../onnx/builder.js';
import type { FeatureLayer } from '../classifier/layers.js';

/**
 * A layer's tensor, or its gradient, as [N, C, h, w]. [N, h, w, C] is transposed; tokens are laid out on their grid, without
 * those that have no position.
 */
export function asChannelsFirst(b: GraphBuilder, value: Value, { arrangement }: Pick<FeatureLayer, 'arrangement'>): Value {
  switch (arrangement.kind) {
    case 'channels-first': return value;
    case 'channels-last': return b.transpose(value, [0, 3, 1, 2]);
    case 'tokens': {
      const { first, grid } = arrangement;
      const placed = first === 0 ? value : b.slice(value, b.ints([first]), b.ints([Number.MAX_SAFE_INTEGER]), [1]);
      return b.reshape(b.transpose(placed, [0, 2, 1]), [0, 0, ...grid]);
    }
  }
}
