import type { GraphBuilder, Value } from '../../onnx/builder.js';
import { intAttribute, intsAttribute } from '../../onnx/model.js';
import { DataType, OnnxTensor, sizeOf } from '../../onnx/tensor.js';
import type { WindowAxis } from '../../onnx/shapes/window.js';
import { ceilMode, windowAxes } from '../../onnx/shapes/window.js';
import { simpleRules } from '../rule.js';
import { convolutionInputGradient } from './helpers/convolution-input.js';
import { elementCount, spread } from './reduction.js';

/** Adds the second output to the MaxPool that produces `outputs`: the position of each maximum in the flattened input. */
function indicesOf(b: GraphBuilder, [y, existing]: readonly string[]): Value {
  if (existing) return existing;
  const at = b.nodes.findIndex(({ outputs }) => outputs[0] === y);
  const name = b.reserve(`${y}/indices`);
  b.nodes[at] = { ...b.nodes[at], outputs: [y, name] };
  return name;
}

/** Whether every window counts all of its elements. */
function countsPadding(includePad: boolean, ceil: boolean, axes: readonly WindowAxis[]): boolean {
  const unpadded = axes.every(({ pads }) => typeof pads !== 'string' && pads[0] === 0 && pads[1] === 0);
  return !ceil && (includePad || unpadded);
}

/** The number of elements that each window counts, [1, 1, h, w]: those inside the image, or also those in its padding. */
function windowCounts(b: GraphBuilder, x: Value, y: Value, axes: readonly [WindowAxis, WindowAxis], includePad: boolean): Value {
  const one = b.concat([b.ints([1, 1]), b.shape(x, 2, 4)], 0);
  const auto = axes.find(({ pads }) => typeof pads === 'string')?.pads as string | undefined;
  const strides = axes.map(({ stride }) => stride);
  const dilations = axes.map(({ dilation }) => dilation);
  const ones = b.constant(OnnxTensor.float32([1, 1, ...axes.map(({ kernel }) => kernel)], new Float32Array(axes[0].kernel * axes[1].kernel).fill(1)), 'ones');
  if (auto !== undefined) return b.conv(b.fill(one, 1), ones, { strides, dilations, auto_pad: auto });
  const pads = [0, 1].flatMap((side) => axes.map((axis) => (axis.pads as readonly [number, number])[side]));
  const inside = includePad ? b.fill(b.add(one, b.ints([0, 0, pads[0] + pads[2], pads[1] + pads[3]])), 1) : b.fill(one, 1);
  // Add room after the end for a last window that extends beyond it (ceil_mode). Results beyond y are cut off again.
  const [top, left, bottom, right] = includePad ? [0, 0, 0, 0] : pads;
  const counts = b.conv(inside, ones, { strides, dilations, pads: [top, left, bottom + strides[0] - 1, right + strides[1] - 1] });
  return b.slice(counts, b.ints([0, 0]), b.shape(y, 2, 4), [2, 3]);
}

export const pooling = simpleRules({
  /**
   * y = the maximum of each window. The pool gets a second output with the position of each maximum (the first one, if there
   * are several), and the gradient is added at these positions. Windows may overlap.
   */
  MaxPool: (node, g, b, context) => {
    const [x] = node.inputs;
    context.requireLeadingBatch(node, x);
    const indices = indicesOf(b, node.outputs);
    const perImage = b.node('ReduceProd', [b.shape(x, 1)], { keepdims: 1 });
    const outPerImage = b.node('ReduceProd', [b.shape(node.outputs[0], 1)], { keepdims: 1 });
    const batch = b.shape(g, 0, 1);
    // The indices count through the whole batch. The remainder is the index within an image.
    const where = b.reshape(b.mod(indices, perImage), b.concat([b.ints([-1]), outPerImage], 0));
    const rows = b.concat([batch, outPerImage], 0);
    const grad = b.scatterAdd(b.fill(b.concat([batch, perImage], 0), 0), b.expand(where, rows), b.reshape(g, rows), 1);
    return [b.reshape(grad, context.gradientShape(node, x, g))];
  },

  /**
   * y = the mean of each window: a convolution of every channel with ones, divided by the number of elements that the window
   * counts.
   */
  AveragePool: (node, g, b, context) => {
    const [x] = node.inputs;
    context.requireLeadingBatch(node, x);
    const kernel = intsAttribute(node, 'kernel_shape') ?? [];
    const axes = windowAxes(node, kernel);
    const size = sizeOf(kernel);
    const share = countsPadding(intAttribute(node, 'count_include_pad', 0) === 1, ceilMode(node), axes)
      ? b.div(g, b.floats(size))
      : b.div(g, windowCounts(b, x, node.outputs[0], axes, intAttribute(node, 'count_include_pad', 0) === 1));
    // [K, C, h, w] -> [K C, 1, h, w]: every channel becomes an image.
    const alone = (value: Value): Value => b.reshape(value, b.concat([b.ints([-1, 1]), b.shape(value, 2, 4)], 0));
    const values = OnnxTensor.float32([1, 1, ...kernel], new Float32Array(size).fill(1));
    const weights = { dims: values.dims, name: '', values };
    const grad = convolutionInputGradient(b, { x, y: node.outputs[0], g: alone(share), weights, group: 1, axes });
    return [b.reshape(grad, context.gradientShape(node, x, g))];
  },

  /** y [N, C, 1, 1] = the mean of x over its positions, along any number of axes. */
  GlobalAveragePool: (node, g, b, context) => {
    const [x] = node.inputs;
    context.requireLeadingBatch(node, x);
    const spatial = Array.from({ length: context.rank(node, x) - 2 }, (_, i) => i + 2);
    return [spread(node, b.div(g, elementCount(b, x, spatial)), b, context)];
  },

  /** y [N, C, 1, 1] = the maximum of x over its positions. The first maximum gets the gradient. */
  GlobalMaxPool: (node, g, b, context) => {
    const [x] = node.inputs;
    context.requireLeadingBatch(node, x);
    const [batchAndChannels, size] = [b.shape(x, 0, 2), b.shape(x, 2)];
    const positions = b.node('ReduceProd', [size], { keepdims: 1 });
    const flat = b.reshape(x, b.concat([batchAndChannels, positions], 0));
    const where = b.equal(b.range(b.ints(0), b.squeeze(positions, [0]), b.ints(1)), b.argMax(flat, 2));
    const mask = b.reshape(b.cast(where, DataType.float32), b.shape(x));
    return [spread(node, b.mul(g, mask), b, context)];
  },
});
