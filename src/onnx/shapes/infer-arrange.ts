import { UserError } from '../../errors.js';
import type { Inputs, TensorInfo, ShapeRule } from './tensor-info.js';
import { axesOf, broadcastDims, MAX_VALUES } from './tensor-info.js';
import type { OnnxNode } from '../model.js';
import { intAttribute, intsAttribute, stringAttribute, tensorAttribute } from '../model.js';
import { DataType, sizeOf } from '../tensor.js';

// Operators that arrange the numbers of their inputs anew. Exporters compute shapes, paddings and indices with them.

/** The step in a flat array along each axis. */
function stepsOf(dims: readonly number[]): number[] {
  return dims.map((_, axis) => sizeOf(dims.slice(axis + 1)));
}

/**
 * A tensor of the given shape whose element at `index` is `x[source(index)]`.
 *
 * @param source the position in x, one index per axis of x
 */
function rearranged(x: TensorInfo, dims: readonly number[], source: (index: readonly number[]) => readonly number[]): TensorInfo {
  const { values, type } = x;
  if (values === undefined || sizeOf(dims) > MAX_VALUES) return { dims, type };
  const own = stepsOf(dims);
  const theirs = stepsOf(x.dims);
  const numbers = Array.from({ length: sizeOf(dims) }, (_, flat) => {
    const at = source(own.map((step, axis) => Math.floor(flat / step) % dims[axis]));
    return values[at.reduce((sum, i, axis) => sum + i * theirs[axis], 0)];
  });
  return { dims, type, values: numbers };
}

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
  const dims = all[0].dims.map((dim, i) => (i === axis ? all.reduce((sum, input) => sum + input.dims[i], 0) : dim));
  if (all.some(({ values }) => values === undefined) || sizeOf(dims) > MAX_VALUES) return { dims, type: all[0].type };
  // Row by row of what lies before the axis.
  const rows = sizeOf(dims.slice(0, axis));
  const values = Array.from({ length: rows }, (_, row) => all.flatMap((input) => {
    const width = sizeOf(input.dims) / rows;
    return input.values!.slice(row * width, (row + 1) * width);
  })).flat();
  return { dims, type: all[0].type, values };
}

function slice([x, starts, ends, axesInput, stepsInput]: Inputs): TensorInfo | undefined {
  if (x === undefined || starts?.values === undefined || ends?.values === undefined) return undefined;
  const axes = axesOf(axesInput, x.dims.length) ?? starts.values.map((_, i) => i);
  const dims = [...x.dims];
  const from = x.dims.map(() => 0);
  const step = x.dims.map(() => 1);
  axes.forEach((axis, i) => {
    const size = x.dims[axis];
    step[axis] = stepsInput?.values?.[i] ?? 1;
    // Backwards, a slice starts at the last element at the latest and may end before the first.
    const [lowest, highest] = step[axis] > 0 ? [0, size] : [-1, size - 1];
    const bound = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, lowest), highest);
    from[axis] = bound(starts.values![i]);
    dims[axis] = Math.max(0, Math.ceil((bound(ends.values![i]) - from[axis]) / step[axis]));
  });
  return rearranged(x, dims, (index) => index.map((at, axis) => from[axis] + at * step[axis]));
}

function gather(node: OnnxNode, [x, indices]: Inputs): TensorInfo | undefined {
  if (x === undefined || indices === undefined) return undefined;
  const axis = axisOf(node, x.dims.length);
  const rank = indices.dims.length;
  const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
  const { values } = indices;
  if (values === undefined) return { dims, type: x.type };
  const steps = stepsOf(indices.dims);
  return rearranged(x, dims, (index) => {
    const at = values[index.slice(axis, axis + rank).reduce((sum, i, k) => sum + i * steps[k], 0)];
    return [...index.slice(0, axis), at < 0 ? at + x.dims[axis] : at, ...index.slice(axis + rank)];
  });
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
  return { ...x, dims: resolved };
}

function expand([x, shape]: Inputs): TensorInfo | undefined {
  if (x === undefined || shape?.values === undefined) return undefined;
  const dims = broadcastDims(x.dims, shape.values);
  const lead = dims.length - x.dims.length;
  return rearranged(x, dims, (index) => x.dims.map((dim, axis) => (dim === 1 ? 0 : index[lead + axis])));
}

function split(node: OnnxNode, [x, sizesInput]: Inputs): readonly TensorInfo[] | undefined {
  if (x === undefined) return undefined;
  const axis = axisOf(node, x.dims.length);
  const parts = node.outputs.length;
  const part = Math.ceil(x.dims[axis] / parts);
  const sizes = sizesInput?.values ?? node.outputs.map((_, i) => Math.min(part, x.dims[axis] - i * part));
  let offset = 0;
  return sizes.map((size) => {
    const start = offset;
    offset += size;
    return rearranged(x, x.dims.map((dim, i) => (i === axis ? size : dim)), (index) => index.map((at, i) => (i === axis ? start + at : at)));
  });
}

function pad(node: OnnxNode, [x, pads, , axesInput]: Inputs): TensorInfo | undefined {
  if (x === undefined || pads?.values === undefined) return undefined;
  const axes = axesOf(axesInput, x.dims.length) ?? x.dims.map((_, i) => i);
  if (pads.values.length !== 2 * axes.length) throw new UserError(`${pads.values.length} paddings are given for ${axes.length} axes`);
  const wrapped = stringAttribute(node, 'mode', 'constant') !== 'constant';
  const dims = [...x.dims];
  axes.forEach((axis, i) => {
    const [begin, end] = [pads.values![i], pads.values![i + axes.length]];
    if (wrapped && Math.max(begin, end) >= dims[axis]) throw new UserError(`an axis of ${dims[axis]} elements cannot be mirrored by ${Math.max(begin, end)}`);
    dims[axis] += begin + end;
  });
  return { dims, type: x.type };
}

/** What the operators that arrange numbers make of what is known of their inputs. */
export const arrangeRules: Readonly<Record<string, ShapeRule>> = {
  Concat: concat,
  Split: split,
  Slice: (_, inputs) => slice(inputs),
  Gather: gather,
  Reshape: reshape,
  Expand: (_, inputs) => expand(inputs),
  Pad: pad,
  Tile: (_, [x, repeats]) => {
    if (x === undefined || repeats?.values === undefined) return undefined;
    const times = repeats.values;
    if (times.length !== x.dims.length || times.some((count) => count < 0)) throw new UserError(`[${x.dims.join(', ')}] cannot be repeated [${times.join(', ')}] times`);
    return rearranged(x, x.dims.map((dim, i) => dim * times[i]), (index) => index.map((at, i) => at % x.dims[i]));
  },
  Flatten: (node, [x]) => {
    if (x === undefined) return undefined;
    const axis = axisOf(node, x.dims.length, 1);
    return { ...x, dims: [sizeOf(x.dims.slice(0, axis)), sizeOf(x.dims.slice(axis))] };
  },
  Transpose: (node, [x]) => {
    if (x === undefined) return undefined;
    const perm = intsAttribute(node, 'perm') ?? x.dims.map((_, i) => x.dims.length - 1 - i);
    return rearranged(x, perm.map((axis) => x.dims[axis]), (index) => x.dims.map((_, axis) => index[perm.indexOf(axis)]));
  },
  Squeeze: (_, [x, axesInput]) => {
    if (x === undefined) return undefined;
    const axes = axesOf(axesInput, x.dims.length) ?? x.dims.flatMap((dim, i) => (dim === 1 ? [i] : []));
    return { ...x, dims: x.dims.filter((__, i) => !axes.includes(i)) };
  },
  Unsqueeze: (_, [x, axesInput]) => {
    if (x === undefined || axesInput?.values === undefined) return undefined;
    const axes = axesOf(axesInput, x.dims.length + axesInput.values.length)!;
    const dims = [...x.dims];
    for (const axis of [...axes].sort((a, b) => a - b)) dims.splice(axis, 0, 1);
    return { ...x, dims };
  },
  Shape: (node, [x]) => {
    if (x === undefined) return undefined;
    const end = 'end' in node.attributes ? intAttribute(node, 'end', 0) : undefined;
    const values = x.dims.slice(intAttribute(node, 'start', 0), end);
    return { dims: [values.length], values, type: DataType.int64 };
  },
  Size: (_, [x]) => x && { dims: [], values: [sizeOf(x.dims)], type: DataType.int64 },
  Range: (_, [start, limit, step]) => {
    if (start?.values === undefined || limit?.values === undefined || step?.values === undefined) return undefined;
    const [from, by] = [start.values[0], step.values[0]];
    const count = Math.max(0, Math.ceil((limit.values[0] - from) / by));
    if (count > MAX_VALUES) return { dims: [count], type: start.type };
    return { dims: [count], type: start.type, values: Array.from({ length: count }, (__, i) => from + i * by) };
  },
  ConstantOfShape: (node, [shape]) => {
    if (shape?.values === undefined) return undefined;
    const size = sizeOf(shape.values);
    const filling = tensorAttribute(node, 'value');
    const known = { dims: shape.values, type: filling?.type ?? DataType.float32 };
    return size <= MAX_VALUES ? { ...known, values: Array<number>(size).fill(filling?.toNumbers()[0] ?? 0) } : known;
  },
};
