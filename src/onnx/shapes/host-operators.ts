import type { SliceAxis } from './host-ops.js';
import { hostConcat, hostExpand, hostGather, hostMap, hostPad, hostReduce, hostSlice, hostTranspose, HostValue, sliceAxes } from './host-ops.js';
import type { OnnxNode } from '../model.js';
import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../model.js';
import { DataType, sizeOf } from '../tensor.js';

/** A node with the values of its inputs. */
export interface HostCall {
  readonly node: OnnxNode;
  /** `undefined` for an input that is left out. */
  readonly inputs: readonly (HostValue | undefined)[];
  /** The shapes of its outputs. */
  readonly dims: readonly (readonly number[])[];
  /** Whether the result has an integer type. */
  readonly integers: boolean;
}

/** Computes an operator in JavaScript, in double precision; returns `undefined` if this node is not supported. */
type HostOperator = (call: HostCall) => HostValue | readonly HostValue[] | undefined;

/** A required input. */
const at = ({ inputs }: HostCall, i: number): HostValue => {
  const value = inputs[i];
  if (value === undefined) throw new TypeError(`an input (${i}) is missing`);
  return value;
};

/** An axis counted from the first. */
const fromFirst = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Combines all inputs element by element. */
const folded = (formula: (a: number, b: number) => number, integers = formula): HostOperator => (call) => (
  call.inputs.map((_, i) => at(call, i)).reduce((a, b) => hostMap([a, b], call.integers ? integers : formula))
);
const unary = (formula: (x: number, node: OnnxNode) => number): HostOperator => (call) => hostMap([at(call, 0)], (x) => formula(x, call.node));
const truth = (formula: (a: number, b: number) => boolean): HostOperator => folded((a, b) => Number(formula(a, b)));

/** The same numbers in the shape given by the shape rule. */
const reshaped: HostOperator = (call) => new HostValue(call.dims[0], at(call, 0).data);

/** Rounds to the nearest integer, halves to even. */
export const halfToEven = (x: number): number => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

function reducedAxes(call: HostCall): number[] {
  const { dims } = at(call, 0);
  const given = call.inputs[1]?.numbers ?? [];
  if (given.length > 0) return given.map((axis) => fromFirst(axis, dims.length));
  return intAttribute(call.node, 'noop_with_empty_axes', 0) === 1 ? [] : dims.map((_, i) => i);
}

interface Reduction {
  readonly before?: (x: number) => number;
  readonly combine: (a: number, b: number) => number;
  readonly initial: number;
  /** @param count the number of elements that were reduced to one */
  readonly after?: (x: number, count: number) => number;
}

const sum = { combine: (a: number, b: number) => a + b, initial: 0 };
const square = (x: number): number => x * x;

const reduction = ({ before, combine, initial, after }: Reduction): HostOperator => (call) => {
  const x = before === undefined ? at(call, 0) : hostMap([at(call, 0)], before);
  const reduced = hostReduce(x, reducedAxes(call), intAttribute(call.node, 'keepdims', 1) === 1, combine, initial);
  const count = x.data.length / Math.max(1, reduced.data.length);
  return after === undefined ? reduced : hostMap([reduced], (value) => after(value, count));
};

/** (x - mean) / sqrt(variance + epsilon) over some axes. */
function standardised(x: HostValue, axes: readonly number[], epsilon: number): HostValue {
  const mean = (value: HostValue): HostValue => {
    const total = hostReduce(value, axes, true, sum.combine, 0);
    return hostMap([total], (each) => each * total.data.length / value.data.length);
  };
  const centred = hostMap([x, mean(x)], (a, b) => a - b);
  return hostMap([centred, mean(hostMap([centred], square))], (a, variance) => a / Math.sqrt(variance + epsilon));
}

/** A vector [C] as [C, 1, 1, ...], for a tensor [N, C, ...]. */
const perChannel = ({ data }: HostValue, rank: number): HostValue => (
  new HostValue([data.length, ...Array<number>(Math.max(0, rank - 2)).fill(1)], data)
);

const scaled = (x: HostValue, scale: HostValue, bias: HostValue | undefined): HostValue => {
  const product = hostMap([x, scale], (a, b) => a * b);
  return bias === undefined ? product : hostMap([product, bias], (a, b) => a + b);
};

const batchNormalization: HostOperator = (call) => {
  const x = at(call, 0);
  const rank = x.dims.length;
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((i) => perChannel(at(call, i), rank));
  const epsilon = floatAttribute(call.node, 'epsilon', 1e-5);
  // Weight standardisation is exported like this too: it normalises weights by their own statistics.
  if (intAttribute(call.node, 'training_mode', 0) === 1) {
    return scaled(standardised(x, x.dims.flatMap((_, axis) => (axis === 1 ? [] : [axis])), epsilon), scale, bias);
  }
  const inverse = hostMap([variance], (value) => 1 / Math.sqrt(value + epsilon));
  return scaled(hostMap([hostMap([x, mean], (a, b) => a - b), inverse], (a, b) => a * b), scale, bias);
};

const instanceNormalization: HostOperator = (call) => {
  const x = at(call, 0);
  const rank = x.dims.length;
  const axes = x.dims.map((_, axis) => axis).slice(2);
  return scaled(standardised(x, axes, floatAttribute(call.node, 'epsilon', 1e-5)), perChannel(at(call, 1), rank), perChannel(at(call, 2), rank));
};

const layerNormalization: HostOperator = (call) => {
  const x = at(call, 0);
  const first = fromFirst(intAttribute(call.node, 'axis', -1), x.dims.length);
  return scaled(standardised(x, x.dims.map((_, axis) => axis).slice(first), floatAttribute(call.node, 'epsilon', 1e-5)), at(call, 1), call.inputs[2]);
};

const softmax: HostOperator = (call) => {
  const x = at(call, 0);
  const axes = [fromFirst(intAttribute(call.node, 'axis', -1), x.dims.length)];
  const largest = hostReduce(x, axes, true, Math.max, -Infinity);
  const powers = hostMap([x, largest], (a, b) => Math.exp(a - b));
  return hostMap([powers, hostReduce(powers, axes, true, sum.combine, 0)], (a, b) => a / b);
};

/** Larger products, in multiplications, are left to the runtime. */
const MOST_PRODUCTS = 2 ** 30;

const matmul: HostOperator = (call) => {
  const [a, b] = [at(call, 0), at(call, 1)];
  if (a.dims.length !== 2 || b.dims.length !== 2) return undefined;
  const [rows, inner] = a.dims;
  const [, columns] = b.dims;
  if (rows * inner * columns > MOST_PRODUCTS) return undefined;
  const result = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      const factor = a.data[i * inner + k];
      for (let j = 0; j < columns; j++) result[i * columns + j] += factor * b.data[k * columns + j];
    }
  }
  return new HostValue([rows, columns], result);
};

const slice: HostOperator = (call) => {
  const { dims } = at(call, 0);
  const [starts, ends] = [at(call, 1).numbers, at(call, 2).numbers];
  const axes = call.inputs[3]?.numbers ?? starts.map((_, i) => i);
  return hostSlice(at(call, 0), sliceAxes(dims, starts, ends, axes, call.inputs[4]?.numbers ?? []));
};

const split: HostOperator = (call) => {
  const x = at(call, 0);
  const axis = fromFirst(intAttribute(call.node, 'axis', 0), x.dims.length);
  let start = 0;
  return call.dims.map((dims) => {
    const axes = dims.map((size, i): SliceAxis => ({ start: i === axis ? start : 0, size, step: 1 }));
    start += dims[axis];
    return hostSlice(x, axes);
  });
};

const pad: HostOperator = (call) => {
  const x = at(call, 0);
  const pads = at(call, 1).numbers;
  if (stringAttribute(call.node, 'mode', 'constant') !== 'constant' || pads.some((each) => each < 0)) return undefined;
  const axes = call.inputs[3]?.numbers.map((axis) => fromFirst(axis, x.dims.length)) ?? x.dims.map((_, i) => i);
  const begins = x.dims.map((_, axis) => (axes.includes(axis) ? pads[axes.indexOf(axis)] : 0));
  return hostPad(x, begins, call.dims[0], call.inputs[2]?.data[0] ?? 0);
};

const range: HostOperator = (call) => {
  const [start, , step] = [0, 1, 2].map((i) => at(call, i).data[0]);
  return new HostValue(call.dims[0], Float64Array.from({ length: call.dims[0][0] }, (_, i) => start + i * step));
};

const constantOfShape: HostOperator = ({ node, dims: [dims] }) => {
  const filling = node.attributes.value;
  return new HostValue(dims, new Float64Array(sizeOf(dims)).fill(filling?.kind === 'tensor' ? filling.value.toNumbers()[0] ?? 0 : 0));
};

/** Every operator that can be computed in JavaScript, among them those for sizes and indices in shape inference. */
export const hostOperators: ReadonlyMap<string, HostOperator> = new Map<string, HostOperator>([
  ['Add', folded((a, b) => a + b)], ['Sum', folded((a, b) => a + b)], ['Sub', folded((a, b) => a - b)], ['Mul', folded((a, b) => a * b)],
  ['Div', folded((a, b) => a / b, (a, b) => Math.trunc(a / b))],
  // The sign is the divisor's, as in Python, or with fmod the dividend's, as in C.
  ['Mod', (call) => hostMap([at(call, 0), at(call, 1)], intAttribute(call.node, 'fmod', 0) === 1 ? (a, b) => a % b : (a, b) => a - b * Math.floor(a / b))],
  ['Pow', folded((a, b) => (b === 2 ? a * a : a ** b))],
  ['Min', folded(Math.min)], ['Max', folded(Math.max)],
  ['Neg', unary((x) => -x)], ['Abs', unary(Math.abs)], ['Sign', unary(Math.sign)], ['Floor', unary(Math.floor)], ['Ceil', unary(Math.ceil)],
  ['Round', unary(halfToEven)], ['Sqrt', unary(Math.sqrt)], ['Reciprocal', unary((x) => 1 / x)], ['Exp', unary(Math.exp)], ['Log', unary(Math.log)],
  ['Sin', unary(Math.sin)], ['Cos', unary(Math.cos)], ['Tanh', unary(Math.tanh)], ['Relu', unary((x) => Math.max(x, 0))],
  ['Sigmoid', unary((x) => 1 / (1 + Math.exp(-x)))], ['Softplus', unary((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))))],
  ['Clip', (call) => hostMap([at(call, 0)], (x) => Math.min(Math.max(x, call.inputs[1]?.data[0] ?? -Infinity), call.inputs[2]?.data[0] ?? Infinity))],
  ['Equal', truth((a, b) => a === b)], ['Greater', truth((a, b) => a > b)], ['GreaterOrEqual', truth((a, b) => a >= b)],
  ['Less', truth((a, b) => a < b)], ['LessOrEqual', truth((a, b) => a <= b)],
  ['And', truth((a, b) => a !== 0 && b !== 0)], ['Or', truth((a, b) => a !== 0 || b !== 0)], ['Not', unary((x) => Number(x === 0))],
  ['Where', (call) => hostMap([0, 1, 2].map((i) => at(call, i)), (condition, a, b) => (condition === 0 ? b : a))],
  ['Cast', (call) => {
    if (intAttribute(call.node, 'to', 0) === DataType.bool) return hostMap([at(call, 0)], (x) => Number(x !== 0));
    return call.integers ? hostMap([at(call, 0)], Math.trunc) : at(call, 0);
  }],
  ['Identity', reshaped], ['Reshape', reshaped], ['Flatten', reshaped], ['Squeeze', reshaped], ['Unsqueeze', reshaped],
  ['Transpose', (call) => hostTranspose(at(call, 0), intsAttribute(call.node, 'perm') ?? at(call, 0).dims.map((_, i) => i).reverse())],
  ['Expand', (call) => hostExpand(at(call, 0), call.dims[0])],
  ['Tile', (call) => (sizeOf(call.dims[0]) === 0
    ? new HostValue(call.dims[0], new Float64Array())
    : at(call, 1).numbers.reduce((tiled, count, axis) => hostConcat(Array<HostValue>(count).fill(tiled), axis), at(call, 0)))],
  ['Concat', (call) => hostConcat(call.inputs.map((_, i) => at(call, i)), fromFirst(intAttribute(call.node, 'axis', 0), call.dims[0].length))],
  ['Gather', (call) => hostGather(at(call, 0), at(call, 1), fromFirst(intAttribute(call.node, 'axis', 0), at(call, 0).dims.length))],
  ['Slice', slice], ['Split', split], ['Pad', pad], ['Range', range], ['ConstantOfShape', constantOfShape],
  ['ReduceSum', reduction(sum)],
  ['ReduceMean', reduction({ ...sum, after: (x, count) => x / count })],
  ['ReduceMax', reduction({ combine: Math.max, initial: -Infinity })], ['ReduceMin', reduction({ combine: Math.min, initial: Infinity })],
  ['ReduceProd', reduction({ combine: (a, b) => a * b, initial: 1 })],
  ['ReduceL1', reduction({ ...sum, before: Math.abs })], ['ReduceL2', reduction({ ...sum, before: square, after: Math.sqrt })],
  ['ReduceSumSquare', reduction({ ...sum, before: square })],
  ['BatchNormalization', batchNormalization], ['InstanceNormalization', instanceNormalization], ['LayerNormalization', layerNormalization],
  ['Softmax', softmax], ['MatMul', matmul],
]);
