import { intAttribute } from '../../onnx/model.js';
import type { WindowAxis } from '../../onnx/shapes/window.js';
import { samePads, windowAxes } from '../../onnx/shapes/window.js';
import type { Size } from '../../size.js';
import { simpleRules } from '../rule.js';
import { convolutionInputGradient } from './helpers/convolution-input.js';
import type { Convolution } from './helpers/convolution-shape.js';
import { convolutionWeightGradient } from './helpers/convolution-weights.js';

/** Axes with explicit instead of SAME padding, if the sizes are known. */
function resolvedAxes(axes: Convolution['axes'], inputs: Size | undefined, outputs: Size | undefined): Convolution['axes'] {
  if (inputs === undefined || outputs === undefined) return axes;
  const [vertical, horizontal] = axes.map((axis, i): WindowAxis => {
    const { pads, span, stride } = axis;
    if (typeof pads !== 'string') return axis;
    return { ...axis, pads: samePads(pads, Math.max(0, (outputs[i] - 1) * stride + span - inputs[i])) };
  });
  return [vertical, horizontal];
}

export const convolutions = simpleRules({
  /** y = x * w + bias: the gradient of x is the gradient of y convolved with the mirrored, transposed weights. */
  Conv: (node, g, b, context) => {
    const [x, w, bias] = node.inputs;
    context.requireLeadingBatch(node, x);
    const dims = context.weightDims(node, w);
    const [y] = node.outputs;
    const [inputSize, outputSize] = [x, y].map((name) => {
      const [height, width] = context.dims(node, name).slice(2);
      return height === null || width === null ? undefined : [height, width] as const;
    });
    const convolution: Convolution = {
      x, y, g, inputSize, outputSize, group: intAttribute(node, 'group', 1),
      axes: resolvedAxes(windowAxes(node, dims.slice(2)), inputSize, outputSize),
      weights: { dims, name: w, values: context.wants(w) ? undefined : context.weight(node, w) },
    };
    return [
      context.wants(x) ? convolutionInputGradient(b, convolution) : undefined,
      context.wants(w) ? convolutionWeightGradient(b, convolution, context.blockedBatch) : undefined,
      bias && context.wants(bias) ? b.reduceSum(g, [0, 2, 3], false) : undefined,
    ];
  },
});
