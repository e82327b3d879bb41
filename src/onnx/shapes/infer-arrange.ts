import { UserError } from '../../errors.js';
import { sliceAxes } from './host-ops.js';
import type { Inputs, TensorInfo, ShapeRule } from './tensor-info.js';
import { axesOf, broadcastDims } from './tensor-info.js';
import type { OnnxNode } from '../model.js';
import { intAttribute, intsAttribute, stringAttribute } from '../model.js';
import { sizeOf } from '../tensor.js';

// Operators that rearrange the elements of their inputs. Exporters compute shapes, paddings and indices with them.

function axisOf(node: OnnxNode, rank: number, otherwise = 0): number {
  const axis = intAttribute(node, 'axis', otherwise);
  return axis < 0 ? axis + rank : axis;
}

function concat(node: OnnxNode, inputs: Inputs): TensorInfo | undefined {
  if (inputs.some((input) => input === undefined)) return undefined;
  const all = inputs as readonly TensorInfo[];
  const axis = axisOf(node, all[0].dims.length);
  const other = all.find((input) => input.dims.length !== all[0].dims.length || input.dims.some((dim, i) => i !== axis && dim !== all[0].dims[i]));
  if (other !== undefined) throw new UserError(`shapes [${all[0].dims.join(', ')}] and [${other.dims.join(', ')}] cannot be joined along axis ${axis}`);
  return { dims: all[0].dims.map((dim, i) => (i === axis ? all.reduce((sum, input) => sum + input.dims[i], 0) : dim)) };
}

function slice([x, starts, ends, axesInput, steps]: Inputs): TensorInfo | undefined {
  if (x === undefined || starts?.values === undefined || ends?.values === undefined) return undefined;
  const axes = axesInput?.values ?? starts.values.map((_, i) => i);
  return { dims: sliceAxes(x.dims, starts.values, ends.values, axes, steps?.values ?? []).map(({ size }) => size) };
}

function gather(node: OnnxNode, [x, indices]: Inputs): TensorInfo | undefined {
  if (x === undefined || indices === undefined) return undefined;
  const axis = axisOf(node, x.dims.length);
  return { dims: [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)] };
}

function reshape(node: OnnxNode, [x, shape]: Inputs): TensorInfo | undefined {
  if (x === undefined || shape?.values === undefined) return undefined;
  const copyZero = intAttribute(node, 'allowzero', 0) === 0;
  const dims = shape.values.map((dim, i) => (dim === 0 && copyZero ? x.dims[i] : dim));
  const rest = sizeOf(dims.filter((dim) => dim !== -1));
  const resolved = dims.map((dim) => (dim === -1 ? sizeOf(x.dims) / rest : dim));
  if (sizeOf(resolved) !== sizeOf(x.dims) || resolved.some((dim) => !Number.isInteger(dim))) {
    throw new UserError(`[${x.dims.join(', ')}] cannot be reshaped to [${shape.values.join(', ')}]`);
  }
  return { dims: resolved };
}

function split(node: OnnxNode, [x, sizesInput]: Inputs): readonly TensorInfo[] | undefined {
  if (x === undefined) return undefined;
  const axis = axisOf(node, x.dims.length);
  const part = Math.ceil(x.dims[axis] / node.outputs.length);
  const sizes = sizesInput?.values ?? node.outputs.map((_, i) => Math.min(part, x.dims[axis] - i * part));
  return sizes.map((size) => ({ dims: x.dims.map((dim, i) => (i === axis ? size : dim)) }));
}

function pad(node: OnnxNode, [x, pads, , axesInput]: Inputs): TensorInfo | undefined {
  if (x === undefined || pads?.values === undefined) return undefined;
  const axes = axesOf(axesInput, x.dims.length) ?? x.dims.map((_, i) => i);
  if (pads.values.length !== 2 * axes.length) throw new UserError(`it has ${pads.values.length} paddings for ${axes.length} axes`);
  const wrapped = stringAttribute(node, 'mode', 'constant') !== 'constant';
  const dims = [...x.dims];
  axes.forEach((axis, i) => {
    const [begin, end] = [pads.values![i], pads.values![i + axes.length]];
    if (wrapped && Math.max(begin, end) >= dims[axis]) throw new UserError(`an axis of ${dims[axis]} elements cannot be padded with ${Math.max(begin, end)} mirrored ones`);
    dims[axis] += begin + end;
  });
  return { dims };
}

/** The shape rules of operators that rearrange elements, or make tensors from shapes. */
export const arrangeRules: Readonly<Record<string, ShapeRule>> = {
  Concat: concat,
  Split: split,
  Slice: (_, inputs) => slice(inputs),
  Gather: gather,
  Reshape: reshape,
  Expand: (_, [x, shape]) => (x === undefined || shape?.values === undefined ? undefined : { dims: broadcastDims(x.dims, shape.values) }),
  Pad: pad,
  Tile: (_, [x, repeats]) => {
    if (x === undefined || repeats?.values === undefined) return undefined;
    const times = repeats.values;
    if (times.length !== x.dims.length || times.some((count) => count < 0)) throw new UserError(`[${x.dims.join(', ')}] cannot be repeated [${times.join(', ')}] times`);
    return { dims: x.dims.map((dim, i) => dim * times[i]) };
  },
  Flatten: (node, [x]) => {
    if (x === undefined) return undefined;
    const axis = axisOf(node, x.dims.length, 1);
    return { dims: [sizeOf(x.dims.slice(0, axis)), sizeOf(x.dims.slice(axis))] };
  },
  Transpose: (node, [x]) => {
    if (x === undefined) return undefined;
    const perm = intsAttribute(node, 'perm') ?? x.dims.map((_, i) => x.dims.length - 1 - i);
    return { dims: perm.map((axis) => x.dims[axis]) };
  },
  Squeeze: (_, [x, axesInput]) => {
    if (x === undefined) return undefined;
    const axes = axesOf(axesInput, x.dims.length) ?? x.dims.flatMap((dim, i) => (dim === 1 ? [i] : []));
    return { dims: x.dims.filter((__, i) => !axes.includes(i)) };
  },
  Unsqueeze: (_, [x, axesInput]) => {
    if (x === undefined || axesInput?.values === undefined) return undefined;
    const axes = axesOf(axesInput, x.dims.length + axesInput.values.length)!;
    const dims = [...x.dims];
    for (const axis of [...axes].sort((a, b) => a - b)) dims.splice(axis, 0, 1);
    return { dims };
  },
  Shape: (node, [x]) => {
    if (x === undefined) return undefined;
    const end = 'end' in node.attributes ? intAttribute(node, 'end', 0) : undefined;
    const values = x.dims.slice(intAttribute(node, 'start', 0), end);
    return { dims: [values.length], values };
  },
  Size: (_, [x]) => x && { dims: [], values: [sizeOf(x.dims)] },
  Range: (_, [start, limit, step]) => {
    if (start?.values === undefined || limit?.values === undefined || step?.values === undefined) return undefined;
    return { dims: [Math.max(0, Math.ceil((limit.values[0] - start.values[0]) / step.values[0]))] };
  },
  ConstantOfShape: (_, [shape]) => shape?.values && { dims: shape.values },
};
