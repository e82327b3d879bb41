import { messageOf, UserError } from '../../errors.js';
import { arrangeRules } from './infer-arrange.js';
import type { Inputs, TensorInfo, ShapeRule } from './tensor-info.js';
import { axesOf, broadcastDims, MAX_VALUES } from './tensor-info.js';
import type { OnnxGraph, OnnxNode } from '../model.js';
import { describeNode, floatAttribute, intAttribute, intsAttribute, tensorAttribute } from '../model.js';
import type { OnnxTensor } from '../tensor.js';
import { DataType, sizeOf } from '../tensor.js';
import { allWindowAxes, ceilMode, windowOutput } from './window.js';

/**
 * The shapes of all tensors of a graph for one concrete size of its input. Arithmetic on shapes that exporters leave in
 * a graph (Shape, Gather, Concat, ...) is carried out.
 *
 * @param inputs the shape of every graph input
 * @returns what is known by tensor name; behind an operator that is not known here there is nothing
 * @throws UserError where a node cannot work at this input size
 */
export function inferShapes(graph: OnnxGraph, inputs: ReadonlyMap<string, readonly number[]>): Map<string, TensorInfo> {
  const known = new Map<string, TensorInfo>();
  for (const [name, tensor] of graph.initializers) known.set(name, knownTensor(tensor));
  for (const [name, dims] of inputs) known.set(name, { dims });
  for (const node of graph.nodes) {
    const outputs = inferNode(node, node.inputs.map((name) => (name === '' ? undefined : known.get(name))));
    outputs?.forEach((output, i) => {
      // An empty list is a value like any other; an empty image is none.
      if (output.values === undefined && output.dims.some((dim) => dim < 1)) {
        throw new UserError(`${describeNode(node)} has nothing left to work on: its output would be [${output.dims.join(', ')}]`);
      }
      if (node.outputs[i]) known.set(node.outputs[i], output);
    });
  }
  return known;
}

/** Whether the shapes that an operator makes are known. */
export function hasShapeRule({ op, domain }: OnnxNode): boolean {
  return domain === '' && Object.hasOwn(shapeRules, op);
}

/**
 * What is known of a node's outputs; `undefined` where its operator is not known here, or too little of its inputs is.
 *
 * @throws UserError where the node cannot work on these inputs
 */
export function inferNode(node: OnnxNode, inputs: Inputs): readonly TensorInfo[] | undefined {
  if (!hasShapeRule(node)) return undefined;
  let result: ReturnType<ShapeRule>;
  try {
    result = shapeRules[node.op](node, inputs);
  } catch (error) {
    throw new UserError(`${describeNode(node)}: ${messageOf(error)}`, undefined, { cause: error });
  }
  if (result === undefined) return undefined;
  const outputs: readonly TensorInfo[] = 'dims' in result ? [result] : result;
  const odd = outputs.find(({ dims }) => dims.some((dim) => !Number.isInteger(dim)));
  if (odd !== undefined) throw new UserError(`${describeNode(node)} cannot work on these inputs: its output would be [${odd.dims.join(', ')}]`);
  return outputs;
}

/** What is known of a constant. */
export function knownTensor(tensor: OnnxTensor): TensorInfo {
  const { dims, type } = tensor;
  const small = tensor.size <= MAX_VALUES && type !== DataType.string;
  return small ? { dims, type, values: tensor.toNumbers() } : { dims, type };
}

// Each helper answers `undefined` where an input it needs is not known.

const sameAsFirst: ShapeRule = (_, [x]) => x && { dims: x.dims, type: x.type };

/** The number that stands at `flat` of the broadcast shape. */
function broadcastValue({ dims, values }: TensorInfo, shape: readonly number[], flat: number): number {
  let rest = flat;
  let position = 0;
  let step = 1;
  for (let axis = shape.length - 1, own = dims.length - 1; own >= 0; axis--, own--) {
    const at = rest % shape[axis];
    rest = Math.floor(rest / shape[axis]);
    if (dims[own] !== 1) position += at * step;
    step *= dims[own];
  }
  return values![position];
}

type Formula = (...numbers: number[]) => number;

/** @param integers the formula for integers, where it is another */
function elementwise(formula?: Formula, { integers = formula, type }: { integers?: Formula; type?: DataType } = {}): ShapeRule {
  return (_, inputs) => {
    if (inputs.some((input) => input === undefined)) return undefined;
    const all = inputs as readonly TensorInfo[];
    const dims = all.map((input) => input.dims).reduce(broadcastDims);
    // The condition of Where says nothing of the type.
    const result = { dims, type: type ?? all[all.length - 1].type };
    if (formula === undefined || sizeOf(dims) > MAX_VALUES || all.some((input) => input.values === undefined)) return result;
    const apply = result.type === DataType.int64 || result.type === DataType.int32 ? integers! : formula;
    return { ...result, values: Array.from({ length: sizeOf(dims) }, (__, i) => apply(...all.map((input) => broadcastValue(input, dims, i)))) };
  };
}

/** @param combine folds all elements into one, where all of them are reduced */
function reduction(combine?: (values: readonly number[]) => number): ShapeRule {
  return (node, [x, axesInput]) => {
    if (x === undefined) return undefined;
    const keep = intAttribute(node, 'keepdims', 1) === 1;
    const given = axesOf(axesInput, x.dims.length) ?? [];
    if (given.length === 0 && intAttribute(node, 'noop_with_empty_axes', 0) === 1) return x;
    const axes = given.length === 0 ? x.dims.map((_, i) => i) : given;
    const dims = x.dims.flatMap((dim, i) => (axes.includes(i) ? (keep ? [1] : []) : [dim]));
    const values = combine !== undefined && x.values !== undefined && sizeOf(dims) === 1 ? [combine(x.values)] : undefined;
    return { dims, type: x.type, values };
  };
}

const globalPool: ShapeRule = (_, [x]) => x && { dims: x.dims.map((dim, i) => (i < 2 ? dim : 1)) };

const pool: ShapeRule = (node, [x]) => {
  if (x === undefined) return undefined;
  const axes = allWindowAxes(node, intsAttribute(node, 'kernel_shape') ?? []);
  if (x.dims.length !== axes.length + 2) throw new UserError(`its window has ${axes.length} axes and its input [${x.dims.join(', ')}] has ${x.dims.length - 2}`);
  const dims = [x.dims[0], x.dims[1], ...axes.map((axis, i) => windowOutput(axis, x.dims[i + 2], ceilMode(node)))];
  return [{ dims }, { dims }];
};

function unaryValues(formula: (value: number) => number): ShapeRule {
  return (_, [x]) => x && { ...x, ...(x.values && { values: x.values.map(formula) }) };
}

/** Operators that answer in the shape of their first input. */
const unary = [
  'Relu', 'Clip', 'LeakyRelu', 'Sigmoid', 'Tanh', 'Elu', 'Selu', 'Celu', 'HardSigmoid', 'HardSwish', 'Softplus', 'Softsign', 'Erf', 'Gelu', 'Mish',
  'Exp', 'Log', 'Abs', 'Reciprocal', 'Sign', 'Softmax', 'LogSoftmax', 'Swish', 'ThresholdedRelu',
  'BatchNormalization', 'InstanceNormalization', 'GroupNormalization', 'LayerNormalization', 'LpNormalization', 'LRN',
  'Not', 'IsNaN', 'Round', 'Sin', 'Cos', 'ScatterND', 'ScatterElements', 'CumSum', 'Trilu', 'QuantizeLinear', 'DequantizeLinear', 'Dropout',
];

const bool = { type: DataType.bool };

const shapeRules: Readonly<Record<string, ShapeRule>> = {
  ...Object.fromEntries(unary.map((op) => [op, sameAsFirst])),
  ...arrangeRules,
  Add: elementwise((a, b) => a + b),
  Sub: elementwise((a, b) => a - b),
  Mul: elementwise((a, b) => a * b),
  Div: elementwise((a, b) => a / b, { integers: (a, b) => Math.trunc(a / b) }),
  // The sign is the divisor's, as in Python.
  Mod: elementwise((a, b) => a - b * Math.floor(a / b)),
  Pow: elementwise((a, b) => a ** b), Min: elementwise(Math.min), Max: elementwise(Math.max),
  Sum: elementwise((...all) => all.reduce((a, b) => a + b)),
  Equal: elementwise((a, b) => Number(a === b), bool), Where: elementwise((c, a, b) => (c ? a : b)),
  Greater: elementwise((a, b) => Number(a > b), bool), Less: elementwise((a, b) => Number(a < b), bool),
  GreaterOrEqual: elementwise((a, b) => Number(a >= b), bool), LessOrEqual: elementwise((a, b) => Number(a <= b), bool),
  And: elementwise((a, b) => Number(a && b), bool), Or: elementwise((a, b) => Number(a || b), bool),
  PRelu: elementwise(),
  Identity: (_, [x]) => x,
  Cast: (node, [x]) => {
    const type = intAttribute(node, 'to', 1);
    const whole = type === DataType.int64 || type === DataType.int32;
    return x && { dims: x.dims, type, ...(x.values && { values: whole ? x.values.map(Math.trunc) : x.values }) };
  },
  Floor: unaryValues(Math.floor), Ceil: unaryValues(Math.ceil), Neg: unaryValues((value) => -value), Sqrt: unaryValues(Math.sqrt),
  Constant: (node) => {
    const tensor = tensorAttribute(node, 'value');
    if (tensor !== undefined) return knownTensor(tensor);
    const list = intsAttribute(node, 'value_ints');
    if (list !== undefined) return { dims: [list.length], values: list, type: DataType.int64 };
    if ('value_int' in node.attributes) return { dims: [], values: [intAttribute(node, 'value_int', 0)], type: DataType.int64 };
    return 'value_float' in node.attributes ? { dims: [], values: [floatAttribute(node, 'value_float', 0)], type: DataType.float32 } : undefined;
  },
  Conv: (node, [x, w]) => {
    if (x === undefined || w === undefined) return undefined;
    const group = intAttribute(node, 'group', 1);
    if (x.dims[1] !== w.dims[1] * group) throw new UserError(`its weights want ${w.dims[1] * group} channels and its input has ${x.dims[1]}`);
    const axes = allWindowAxes(node, w.dims.slice(2));
    if (x.dims.length !== w.dims.length) throw new UserError(`its weights have ${w.dims.length} axes and its input [${x.dims.join(', ')}] has ${x.dims.length}`);
    return { dims: [x.dims[0], w.dims[0], ...axes.map((axis, i) => windowOutput(axis, x.dims[i + 2]))] };
  },
  MaxPool: pool, AveragePool: pool,
  GlobalAveragePool: globalPool, GlobalMaxPool: globalPool,
  ReduceMean: reduction(), ReduceL2: reduction(), ReduceL1: reduction(), ReduceSumSquare: reduction(), ReduceLogSumExp: reduction(),
  ReduceMax: reduction((values) => Math.max(...values)), ReduceMin: reduction((values) => Math.min(...values)),
  ReduceSum: reduction((values) => values.reduce((a, b) => a + b, 0)), ReduceProd: reduction((values) => values.reduce((a, b) => a * b, 1)),
  ArgMax: (node, [x]) => {
    if (x === undefined) return undefined;
    const axis = (intAttribute(node, 'axis', 0) + x.dims.length) % x.dims.length;
    const keep = intAttribute(node, 'keepdims', 1) === 1;
    return { dims: x.dims.flatMap((dim, i) => (i === axis ? (keep ? [1] : []) : [dim])), type: DataType.int64 };
  },
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
  DepthToSpace: (node, [x]) => {
    if (x === undefined) return undefined;
    const block = intAttribute(node, 'blocksize', 1);
    const [n, c, h, w] = x.dims;
    return { dims: [n, c / block ** 2, h * block, w * block] };
  },
  SpaceToDepth: (node, [x]) => {
    if (x === undefined) return undefined;
    const block = intAttribute(node, 'blocksize', 1);
    const [n, c, h, w] = x.dims;
    return { dims: [n, c * block ** 2, h / block, w / block] };
  },
  Resize: (_, [x, , scales, sizes]) => {
    if (x === undefined) return undefined;
    if (sizes?.values?.length === x.dims.length) return { dims: sizes.values };
    return scales?.values?.length === x.dims.length ? { dims: x.dims.map((dim, i) => Math.floor(dim * scales.values![i])) } : undefined;
  },
};
