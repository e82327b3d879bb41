import { messageOf, UserError } from '../errors.js';
import type { OnnxGraph, OnnxNode } from './model.js';
import { describeNode, floatAttribute, intAttribute, intsAttribute, tensorAttribute } from './model.js';
import type { OnnxTensor } from './tensor.js';
import { DataType, sizeOf } from './tensor.js';
import { ceilMode, windowAxes, windowOutput } from './window.js';

/** What is known of a tensor for one concrete input size: its shape and, for small constants and shape arithmetic, its numbers. */
export interface Known {
  readonly dims: readonly number[];
  readonly values?: readonly number[];
}

/** Values are followed through the graph up to this many elements: enough for shapes, axes and limits. */
const MAX_VALUES = 256;

type Inputs = readonly (Known | undefined)[];
type ShapeRule = (node: OnnxNode, inputs: Inputs) => Known | readonly Known[] | undefined;

/**
 * The shapes of all tensors of a graph for one concrete size of its input. Arithmetic on shapes that exporters leave in
 * a graph (Shape, Gather, Concat, ...) is carried out.
 *
 * @param inputs the shape of every graph input
 * @returns what is known by tensor name; behind an operator that is not known here there is nothing
 * @throws UserError where a node cannot work at this input size
 */
export function inferShapes(graph: OnnxGraph, inputs: ReadonlyMap<string, readonly number[]>): Map<string, Known> {
  const known = new Map<string, Known>();
  for (const [name, tensor] of graph.initializers) known.set(name, knownTensor(tensor));
  for (const [name, dims] of inputs) known.set(name, { dims });
  for (const node of graph.nodes) {
    const rule = node.domain === '' ? shapeRules[node.op] : undefined;
    if (rule === undefined) continue;
    let result: ReturnType<ShapeRule>;
    try {
      result = rule(node, node.inputs.map((name) => (name === '' ? undefined : known.get(name))));
    } catch (error) {
      throw new UserError(`${describeNode(node)}: ${messageOf(error)}`, undefined, { cause: error });
    }
    if (result === undefined) continue;
    const outputs: readonly Known[] = 'dims' in result ? [result] : result;
    outputs.forEach((output, i) => {
      if (output.dims.some((dim) => dim < 1)) throw new UserError(`${describeNode(node)} has nothing left to work on: its output would be [${output.dims.join(', ')}]`);
      if (node.outputs[i]) known.set(node.outputs[i], output);
    });
  }
  return known;
}

function knownTensor(tensor: OnnxTensor): Known {
  const small = tensor.size <= MAX_VALUES && tensor.type !== DataType.string;
  return small ? { dims: tensor.dims, values: tensor.toNumbers() } : { dims: tensor.dims };
}

// Each helper answers `undefined` where an input it needs is not known.

const sameAsFirst: ShapeRule = (_, [x]) => x && { dims: x.dims };

/** The shape of two shapes broadcast against each other. */
function broadcastDims(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new UserError(`shapes [${a.join(', ')}] and [${b.join(', ')}] do not broadcast`);
    return Math.max(x, y);
  });
}

function elementwise(formula?: (...numbers: number[]) => number): ShapeRule {
  return (_, inputs) => {
    if (inputs.some((input) => input === undefined)) return undefined;
    const all = inputs as readonly Known[];
    const dims = all.map((input) => input.dims).reduce(broadcastDims);
    if (formula === undefined || sizeOf(dims) > MAX_VALUES || dims.length > 1 || all.some((input) => input.values === undefined)) return { dims };
    const values = Array.from({ length: sizeOf(dims) }, (__, i) => formula(...all.map(({ values: list }) => list![list!.length === 1 ? 0 : i])));
    return { dims, values };
  };
}

function axesOf(axes: Known | undefined, rank: number): number[] | undefined {
  return axes?.values?.map((axis) => (axis < 0 ? axis + rank : axis));
}

const reduction: ShapeRule = (node, [x, axesInput]) => {
  if (x === undefined) return undefined;
  const keep = intAttribute(node, 'keepdims', 1) === 1;
  const axes = axesOf(axesInput, x.dims.length) ?? x.dims.map((_, i) => i);
  return { dims: x.dims.flatMap((dim, i) => (axes.includes(i) ? (keep ? [1] : []) : [dim])) };
};

const globalPool: ShapeRule = (_, [x]) => x && { dims: x.dims.map((dim, i) => (i < 2 ? dim : 1)) };

const pool: ShapeRule = (node, [x]) => {
  if (x === undefined) return undefined;
  const axes = windowAxes(node, intsAttribute(node, 'kernel_shape') ?? []);
  const dims = [x.dims[0], x.dims[1], ...axes.map((axis, i) => windowOutput(axis, x.dims[i + 2], ceilMode(node)))];
  return [{ dims }, { dims }];
};

/** Operators that answer in the shape of their first input. */
const unary = [
  'Relu', 'Clip', 'LeakyRelu', 'Sigmoid', 'Tanh', 'Elu', 'Selu', 'HardSigmoid', 'HardSwish', 'Softplus', 'Erf', 'Gelu', 'Mish',
  'Exp', 'Log', 'Sqrt', 'Abs', 'Neg', 'Reciprocal', 'Sign', 'Softmax', 'LogSoftmax',
  'BatchNormalization', 'InstanceNormalization', 'LayerNormalization', 'LRN',
];

const shapeRules: Readonly<Record<string, ShapeRule>> = {
  ...Object.fromEntries(unary.map((op) => [op, sameAsFirst])),
  Add: elementwise((a, b) => a + b),
  Sub: elementwise((a, b) => a - b),
  Mul: elementwise((a, b) => a * b),
  Div: elementwise((a, b) => Math.trunc(a / b)),
  Pow: elementwise(), Min: elementwise(Math.min), Max: elementwise(Math.max), Sum: elementwise(),
  Equal: elementwise((a, b) => Number(a === b)), Where: elementwise((c, a, b) => (c ? a : b)),
  Greater: elementwise(), Less: elementwise(), PRelu: elementwise(),
  Identity: (_, [x]) => x,
  Dropout: (_, [x]) => x && { dims: x.dims },
  Cast: (node, [x]) => x && (x.values && intAttribute(node, 'to', 1) === DataType.int64 ? { ...x, values: x.values.map(Math.trunc) } : x),
  Floor: (_, [x]) => x && { ...x, ...(x.values && { values: x.values.map(Math.floor) }) },
  Constant: (node) => {
    const tensor = tensorAttribute(node, 'value');
    if (tensor !== undefined) return knownTensor(tensor);
    const list = intsAttribute(node, 'value_ints');
    if (list !== undefined) return { dims: [list.length], values: list };
    if ('value_int' in node.attributes) return { dims: [], values: [intAttribute(node, 'value_int', 0)] };
    return 'value_float' in node.attributes ? { dims: [], values: [floatAttribute(node, 'value_float', 0)] } : undefined;
  },
  ConstantOfShape: (node, [shape]) => {
    if (shape?.values === undefined) return undefined;
    const size = sizeOf(shape.values);
    const value = tensorAttribute(node, 'value')?.toNumbers()[0] ?? 0;
    return size <= MAX_VALUES ? { dims: shape.values, values: Array<number>(size).fill(value) } : { dims: shape.values };
  },
  Conv: (node, [x, w]) => {
    if (x === undefined || w === undefined) return undefined;
    const group = intAttribute(node, 'group', 1);
    if (x.dims[1] !== w.dims[1] * group) throw new UserError(`its weights want ${w.dims[1] * group} channels and its input has ${x.dims[1]}`);
    const axes = windowAxes(node, w.dims.slice(2));
    return { dims: [x.dims[0], w.dims[0], ...axes.map((axis, i) => windowOutput(axis, x.dims[i + 2]))] };
  },
  MaxPool: pool, AveragePool: pool,
  GlobalAveragePool: globalPool, GlobalMaxPool: globalPool,
  ReduceMean: reduction, ReduceMax: reduction, ReduceMin: reduction, ReduceSum: reduction, ReduceL2: reduction, ReduceProd: reduction,
  Gemm: (node, [a, b]) => {
    if (a === undefined || b === undefined) return undefined;
    const [rows, inner] = intAttribute(node, 'transA', 0) ? [a.dims[1], a.dims[0]] : a.dims;
    const [outer, columns] = intAttribute(node, 'transB', 0) ? [b.dims[1], b.dims[0]] : b.dims;
    if (inner !== outer) throw new UserError(`its weights want ${outer} features and its input has ${inner}`);
    return { dims: [rows, columns] };
  },
  MatMul: (_, [a, b]) => {
    if (a === undefined || b === undefined) return undefined;
    if (a.dims.length < 2 || b.dims.length < 2) return undefined;
    if (a.dims.at(-1) !== b.dims.at(-2)) throw new UserError(`shapes [${a.dims.join(', ')}] and [${b.dims.join(', ')}] do not multiply`);
    return { dims: [...broadcastDims(a.dims.slice(0, -2), b.dims.slice(0, -2)), a.dims.at(-2)!, b.dims.at(-1)!] };
  },
  Concat: (node, inputs) => {
    if (inputs.some((input) => input === undefined)) return undefined;
    const all = inputs as readonly Known[];
    const rank = all[0].dims.length;
    const axis = (intAttribute(node, 'axis', 0) + rank) % rank;
    const dims = all[0].dims.map((dim, i) => (i === axis ? all.reduce((sum, input) => sum + input.dims[i], 0) : dim));
    const values = rank === 1 && all.every((input) => input.values !== undefined) ? all.flatMap((input) => input.values!) : undefined;
    return { dims, values };
  },
  Split: (node, [x, sizesInput]) => {
    if (x === undefined) return undefined;
    const axis = (intAttribute(node, 'axis', 0) + x.dims.length) % x.dims.length;
    const parts = node.outputs.length;
    const part = Math.ceil(x.dims[axis] / parts);
    const sizes = sizesInput?.values ?? node.outputs.map((_, i) => Math.min(part, x.dims[axis] - i * part));
    return sizes.map((size) => ({ dims: x.dims.map((dim, i) => (i === axis ? size : dim)) }));
  },
  Shape: (node, [x]) => {
    if (x === undefined) return undefined;
    const end = 'end' in node.attributes ? intAttribute(node, 'end', 0) : undefined;
    const values = x.dims.slice(intAttribute(node, 'start', 0), end);
    return { dims: [values.length], values };
  },
  Gather: (node, [x, indices]) => {
    if (x === undefined || indices === undefined) return undefined;
    const axis = (intAttribute(node, 'axis', 0) + x.dims.length) % x.dims.length;
    const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
    if (x.dims.length !== 1 || x.values === undefined || indices.values === undefined) return { dims };
    return { dims, values: indices.values.map((i) => x.values![i < 0 ? i + x.dims[0] : i]) };
  },
  Reshape: (node, [x, shape]) => {
    if (x === undefined || shape?.values === undefined) return undefined;
    const copyZero = intAttribute(node, 'allowzero', 0) === 0;
    const dims = shape.values.map((dim, i) => (dim === 0 && copyZero ? x.dims[i] : dim));
    const rest = sizeOf(dims.filter((dim) => dim !== -1));
    const resolved = dims.map((dim) => (dim === -1 ? sizeOf(x.dims) / rest : dim));
    if (sizeOf(resolved) !== sizeOf(x.dims) || resolved.some((dim) => !Number.isInteger(dim))) throw new UserError(`[${x.dims.join(', ')}] cannot be reshaped to [${shape.values.join(', ')}]`);
    return { dims: resolved, values: x.values };
  },
  Expand: (_, [x, shape]) => x && shape?.values && { dims: broadcastDims(x.dims, shape.values) },
  Flatten: (node, [x]) => {
    if (x === undefined) return undefined;
    const axis = (intAttribute(node, 'axis', 1) + x.dims.length) % x.dims.length;
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
    return { dims: x.dims.filter((__, i) => !axes.includes(i)), values: x.values };
  },
  Unsqueeze: (_, [x, axesInput]) => {
    if (x === undefined || axesInput?.values === undefined) return undefined;
    const rank = x.dims.length + axesInput.values.length;
    const axes = axesOf(axesInput, rank)!;
    const dims = [...x.dims];
    for (const axis of [...axes].sort((a, b) => a - b)) dims.splice(axis, 0, 1);
    return { dims, values: x.values };
  },
  Slice: (_, [x, starts, ends, axesInput, stepsInput]) => {
    if (x === undefined || starts?.values === undefined || ends?.values === undefined) return undefined;
    const axes = axesOf(axesInput, x.dims.length) ?? starts.values.map((__, i) => i);
    const dims = [...x.dims];
    let values = x.values;
    axes.forEach((axis, i) => {
      const step = stepsInput?.values?.[i] ?? 1;
      const bound = (at: number): number => Math.min(Math.max(at < 0 ? at + x.dims[axis] : at, 0), x.dims[axis]);
      const [start, end] = [bound(starts.values![i]), bound(ends.values![i])];
      // A negative step reverses; only its length is of interest here.
      dims[axis] = step > 0 ? Math.max(0, Math.ceil((end - start) / step)) : Math.ceil(x.dims[axis] / -step);
      values = step === 1 && x.dims.length === 1 ? values?.slice(start, end) : undefined;
    });
    return { dims, values };
  },
  Pad: (_, [x, pads, , axesInput]) => {
    if (x === undefined || pads?.values === undefined) return undefined;
    const axes = axesOf(axesInput, x.dims.length) ?? x.dims.map((__, i) => i);
    const dims = [...x.dims];
    axes.forEach((axis, i) => { dims[axis] += pads.values![i] + pads.values![i + axes.length]; });
    return { dims };
  },
  DepthToSpace: (node, [x]) => {
    if (x === undefined) return undefined;
    const block = intAttribute(node, 'blocksize', 1);
    const [n, c, h, w] = x.dims;
    return { dims: [n, c / block ** 2, h * block, w * block] };
  },
  DequantizeLinear: (_, [x]) => x && { dims: x.dims },
};
