import { messageOf, UserError } from '../../errors.js';
import { isInteger, outputType } from './element-types.js';
import { hostOperators } from './host-operators.js';
import { HostValue } from './host-ops.js';
import { arrangeRules } from './infer-arrange.js';
import type { Inputs, TensorInfo, ShapeRule } from './tensor-info.js';
import { axesOf, broadcastDims, MAX_VALUES } from './tensor-info.js';
import type { OnnxGraph, OnnxNode } from '../model.js';
import { constantTensor, describeNode, intAttribute, intsAttribute } from '../model.js';
import type { OperatorTraits } from '../operators.js';
import { traitsOf } from '../operators.js';
import type { OnnxTensor } from '../tensor.js';
import { DataType, sizeOf } from '../tensor.js';
import { allWindowAxes, ceilMode, windowOutput } from './window.js';

/**
 * The shapes of all tensors of a graph for one concrete input size. Arithmetic on shapes that exporters leave in a graph
 * (Shape, Gather, Concat, ...) is computed.
 *
 * @param inputs the shape of every graph input
 * @returns the shapes by tensor name, without tensors that depend on an unknown operator
 * @throws UserError if a node does not work at this input size
 */
export function inferShapes(graph: OnnxGraph, inputs: ReadonlyMap<string, readonly number[]>): Map<string, TensorInfo> {
  const known = new Map<string, TensorInfo>();
  for (const [name, tensor] of graph.initializers) known.set(name, knownTensor(tensor));
  for (const [name, dims] of inputs) known.set(name, { dims });
  for (const node of graph.nodes) {
    const outputs = inferNode(node, node.inputs.map((name) => (name === '' ? undefined : known.get(name))));
    outputs?.forEach((output, i) => {
      // An empty list is a valid value, an empty image is not.
      if (output.values === undefined && output.dims.some((dim) => dim < 1)) {
        throw new UserError(`${describeNode(node)} does not work at this input size: its output would be empty, [${output.dims.join(', ')}]`);
      }
      if (node.outputs[i]) known.set(node.outputs[i], output);
    });
  }
  return known;
}

function shapeRuleOf(node: OnnxNode): ShapeRule | undefined {
  const { form } = traitsOf(node);
  return node.domain === '' ? shapeRules.get(node.op) ?? (form && rulesByForm.get(form)) : undefined;
}

/** Whether the output shapes of a node's operator can be inferred. */
export function hasShapeRule(node: OnnxNode): boolean {
  return shapeRuleOf(node) !== undefined;
}

/**
 * What is known about a node's outputs; `undefined` if its operator is unknown, or too little is known about its inputs.
 *
 * @throws UserError if the node does not work on these inputs
 */
export function inferNode(node: OnnxNode, inputs: Inputs): readonly TensorInfo[] | undefined {
  const types = inputs.map((input) => input?.type);
  const outputs = shapesOf(node, inputs)?.map((output, i): TensorInfo => ({ type: outputType(node, types, i), ...output }));
  const small = outputs?.every(({ dims, values }) => values === undefined && sizeOf(dims) <= MAX_VALUES) === true;
  const followed = small && traitsOf(node).onSizes === true && inputs.every((input) => input === undefined || input.values !== undefined);
  if (!followed) return outputs;
  const values = hostOperators.get(node.op)!({
    node, inputs: inputs.map((input) => input && HostValue.of(input.dims, input.values!)),
    dims: outputs!.map(({ dims }) => dims), integers: isInteger(outputs![0].type),
  });
  const all = values instanceof HostValue ? [values] : values;
  return outputs!.map((output, i) => ({ ...output, values: all?.[i]?.numbers }));
}

/**
 * Computes the outputs of a node in JavaScript.
 *
 * @param inputs `undefined` for an input that is left out
 * @param integers whether the result has an integer type
 * @param room the largest number of elements that the outputs may have
 * @returns `undefined` if the operator is not supported here, or the outputs are too large
 * @throws UserError if the node does not work on these inputs
 */
export function evaluate(
  node: OnnxNode, inputs: readonly (HostValue | undefined)[], integers: boolean, room = Infinity,
): readonly HostValue[] | undefined {
  const known = shapesOf(node, inputs.map((input) => input && knownValue(input)));
  const dims = known?.map((output) => output.dims);
  if (dims === undefined || dims.reduce((sum, shape) => sum + sizeOf(shape), 0) > room || dims.flat().some((dim) => dim < 0)) return undefined;
  if (known!.every(({ values }) => values !== undefined)) return known!.map((output) => HostValue.of(output.dims, output.values!));
  const result = hostOperators.get(node.op)?.({ node, inputs, dims, integers });
  return result instanceof HostValue ? [result] : result;
}

function shapesOf(node: OnnxNode, inputs: Inputs): readonly TensorInfo[] | undefined {
  let result: ReturnType<ShapeRule>;
  try {
    result = shapeRuleOf(node)?.(node, inputs);
  } catch (error) {
    throw new UserError(`${describeNode(node)}: ${messageOf(error)}`, undefined, { cause: error });
  }
  if (result === undefined) return undefined;
  const outputs: readonly TensorInfo[] = 'dims' in result ? [result] : result;
  const odd = outputs.find(({ dims }) => dims.some((dim) => !Number.isInteger(dim)));
  if (odd !== undefined) throw new UserError(`${describeNode(node)} does not work on these inputs: its output would be [${odd.dims.join(', ')}]`);
  return outputs;
}

/** What is known of a tensor that is computed in JavaScript. */
export function knownValue({ dims, data }: HostValue): TensorInfo {
  return data.length <= MAX_VALUES ? { dims, values: Array.from(data) } : { dims };
}

/** What is known about a constant. */
export function knownTensor(tensor: OnnxTensor): TensorInfo {
  const { dims, type } = tensor;
  const small = tensor.size <= MAX_VALUES && type !== DataType.string;
  return small ? { dims, type, values: tensor.toNumbers() } : { dims, type };
}

// Each rule returns `undefined` if an input that it needs is not known.

const sameAsFirst: ShapeRule = (_, [x]) => x && { dims: x.dims };

const broadcast: ShapeRule = (_, inputs) => {
  if (inputs.some((input) => input === undefined)) return undefined;
  return { dims: inputs.map((input) => input!.dims).reduce(broadcastDims) };
};

const reduction: ShapeRule = (node, [x, axesInput]) => {
  if (x === undefined) return undefined;
  const keep = intAttribute(node, 'keepdims', 1) === 1;
  const given = axesOf(axesInput, x.dims.length) ?? [];
  if (given.length === 0 && intAttribute(node, 'noop_with_empty_axes', 0) === 1) return { dims: x.dims };
  const axes = given.length === 0 ? x.dims.map((_, i) => i) : given;
  return { dims: x.dims.flatMap((dim, i) => (axes.includes(i) ? (keep ? [1] : []) : [dim])) };
};

const globalPool: ShapeRule = (_, [x]) => x && { dims: x.dims.map((dim, i) => (i < 2 ? dim : 1)) };

const pool: ShapeRule = (node, [x]) => {
  if (x === undefined) return undefined;
  const axes = allWindowAxes(node, intsAttribute(node, 'kernel_shape') ?? []);
  if (x.dims.length !== axes.length + 2) throw new UserError(`its window has ${axes.length} axes, but its input [${x.dims.join(', ')}] has ${x.dims.length - 2}`);
  const dims = [x.dims[0], x.dims[1], ...axes.map((axis, i) => windowOutput(axis, x.dims[i + 2], ceilMode(node)))];
  return [{ dims }, { dims }];
};

const rulesByForm: ReadonlyMap<OperatorTraits['form'], ShapeRule> = new Map([
  ['pointwise', sameAsFirst], ['like-first', sameAsFirst], ['broadcast', broadcast], ['reduction', reduction],
]);

const shapeRules: ReadonlyMap<string, ShapeRule> = new Map<string, ShapeRule>(Object.entries<ShapeRule>({
  ...arrangeRules,
  Constant: (node) => {
    const tensor = constantTensor(node);
    return tensor && knownTensor(tensor);
  },
  Conv: (node, [x, w]) => {
    if (x === undefined || w === undefined) return undefined;
    const group = intAttribute(node, 'group', 1);
    if (x.dims[1] !== w.dims[1] * group) throw new UserError(`its weights are for ${w.dims[1] * group} channels, but its input has ${x.dims[1]}`);
    const axes = allWindowAxes(node, w.dims.slice(2));
    if (x.dims.length !== w.dims.length) throw new UserError(`its weights have ${w.dims.length} axes, but its input [${x.dims.join(', ')}] has ${x.dims.length}`);
    return { dims: [x.dims[0], w.dims[0], ...axes.map((axis, i) => windowOutput(axis, x.dims[i + 2]))] };
  },
  MaxPool: pool, AveragePool: pool,
  GlobalAveragePool: globalPool, GlobalMaxPool: globalPool,
  ArgMax: (node, [x]) => {
    if (x === undefined) return undefined;
    const axis = (intAttribute(node, 'axis', 0) + x.dims.length) % x.dims.length;
    const keep = intAttribute(node, 'keepdims', 1) === 1;
    return { dims: x.dims.flatMap((dim, i) => (i === axis ? (keep ? [1] : []) : [dim])) };
  },
  OneHot: (node, [indices, depth]) => {
    if (indices === undefined || depth?.values === undefined) return undefined;
    const axis = (intAttribute(node, 'axis', -1) + indices.dims.length + 1) % (indices.dims.length + 1);
    return { dims: indices.dims.toSpliced(axis, 0, depth.values[0]) };
  },
  Gemm: (node, [a, b]) => {
    if (a === undefined || b === undefined) return undefined;
    const [rows, inner] = intAttribute(node, 'transA', 0) ? [a.dims[1], a.dims[0]] : a.dims;
    const [outer, columns] = intAttribute(node, 'transB', 0) ? [b.dims[1], b.dims[0]] : b.dims;
    if (inner !== outer) throw new UserError(`its weights are for ${outer} features, but its input has ${inner}`);
    return { dims: [rows, columns] };
  },
  MatMul: (_, [a, b]) => {
    if (a === undefined || b === undefined) return undefined;
    if (a.dims.length < 2 || b.dims.length < 2) return undefined;
    if (a.dims.at(-1) !== b.dims.at(-2)) throw new UserError(`shapes [${a.dims.join(', ')}] and [${b.dims.join(', ')}] cannot be multiplied`);
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
}));
