import { UserError } from '../../errors.js';
import type { GraphBuilder, Value } from '../../onnx/builder.js';
import type { OnnxNode } from '../../onnx/model.js';
import { describeNode, intAttribute, intsAttribute, stringAttribute } from '../../onnx/model.js';
import { DataType } from '../../onnx/tensor.js';
import { simpleRules } from '../rule.js';

/** The positions of a resized map's cells, from their indices, the scale s, and the old and new size n and m. */
type Position = (b: GraphBuilder, index: Value, sizes: { readonly s: Value; readonly n: Value; readonly m: Value }) => Value;

const halfPixel: Position = (b, index, { s }) => b.sub(b.div(b.add(index, b.floats(0.5)), s), b.floats(0.5));

/** By ONNX's names. */
const positions: Readonly<Record<string, Position>> = {
  half_pixel: halfPixel,
  // A single cell is at the first one.
  pytorch_half_pixel: (b, index, sizes) => b.where(b.greater(sizes.m, b.floats(1)), halfPixel(b, index, sizes), b.mul(index, b.floats(0))),
  asymmetric: (b, index, { s }) => b.div(index, s),
  align_corners: (b, index, { n, m }) => {
    const one = b.floats(1);
    return b.mul(index, b.div(b.sub(n, one), b.max(b.sub(m, one), one)));
  },
};

type Rounding = (b: GraphBuilder, x: Value) => Value;

const roundings: Readonly<Record<string, Rounding>> = {
  round_prefer_floor: (b, x) => b.node('Ceil', [b.sub(x, b.floats(0.5))]),
  round_prefer_ceil: (b, x) => b.node('Floor', [b.add(x, b.floats(0.5))]),
  floor: (b, x) => b.node('Floor', [x]),
  ceil: (b, x) => b.node('Ceil', [x]),
};

/**
 * The matrix [new size, old size] that resizes along one axis: a cell at position p gets the share max(0, 1 - |p - i|) of cell i.
 * It is the same for nearest neighbours, whose positions are rounded.
 */
function resizingMatrix(b: GraphBuilder, node: OnnxNode, axis: number, position: Position, rounding?: Rounding): Value {
  const [x, , scales] = node.inputs;
  const float = (value: Value): Value => b.cast(value, DataType.float32);
  const size = (of: Value): Value => b.shape(of, axis, axis + 1);
  const indices = (of: Value): Value => float(b.range(b.ints(0), b.squeeze(size(of), [0]), b.ints(1)));
  const [n, m] = [float(size(x)), float(size(node.outputs[0]))];
  const s = scales ? b.gather(scales, b.ints([axis]), 0) : b.div(m, n);
  const exact = position(b, indices(node.outputs[0]), { s, n, m });
  const rounded = rounding?.(b, exact) ?? exact;
  const inside = b.min(b.max(rounded, b.floats(0)), b.sub(n, b.floats(1)));
  const distance = b.node('Abs', [b.sub(b.unsqueeze(inside, [1]), b.unsqueeze(indices(x), [0]))]);
  return b.relu(b.sub(b.floats(1), distance));
}

export const resizing = simpleRules({
  /** y = A x B^T for each map, with the matrices of both axes, so the gradient is A^T g B. */
  Resize: (node, g, b, context) => {
    const [x] = node.inputs;
    const [from, to] = [context.dims(node, x), context.dims(node, node.outputs[0])];
    context.requireLeadingBatch(node, x);
    const [mode, place] = [stringAttribute(node, 'mode', 'nearest'), stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel')];
    const position = positions[place];
    const rounding = mode === 'nearest' ? roundings[stringAttribute(node, 'nearest_mode', 'round_prefer_floor')] : undefined;
    const plain = intAttribute(node, 'antialias', 0) === 0 && intsAttribute(node, 'axes') === undefined
      && stringAttribute(node, 'keep_aspect_ratio_policy', 'stretch') === 'stretch' && intAttribute(node, 'exclude_outside', 0) === 0;
    if (from.length !== 4 || from[1] !== to[1] || !plain || position === undefined || (mode !== 'linear' && rounding === undefined)) {
      throw new UserError(`${describeNode(node)} (${mode}, ${place}) has a gradient rule only for feature maps [N, C, h, w], in the modes linear and nearest`);
    }
    const [rows, columns] = [2, 3].map((axis) => resizingMatrix(b, node, axis, position, rounding));
    return [b.matmul(b.transpose(rows, [1, 0]), b.matmul(g, columns))];
  },
});
