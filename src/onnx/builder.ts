import type { Attribute, Attributes, OnnxGraph, OnnxNode } from './model.js';
import { OnnxTensor } from './tensor.js';

/** The name of a tensor of the graph that is being built. */
export type Value = string;

type AttributeInput = number | string | readonly number[] | { readonly float: number } | undefined;

/** Spatial attributes of Conv and of pooling, named as in ONNX; `pads` is [top, left, bottom, right]. */
export interface WindowAttributes {
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  readonly pads?: readonly number[];
  readonly auto_pad?: string;
}

/** Attributes of AveragePool. */
export interface PoolAttributes extends WindowAttributes {
  readonly kernel_shape: readonly number[];
  readonly count_include_pad?: number;
}

/**
 * Adds nodes to a graph with one typed helper per operator, named as in ONNX, in the form of operator set 18. A formula in
 * code reads like the formula on paper:
 *
 * ```ts
 * const map = b.relu(b.reduceSum(b.mul(b.relu(gradient), activation), [1]));
 * ```
 *
 * Each helper returns the name of its output.
 */
export class GraphBuilder {
  readonly nodes: OnnxNode[];
  readonly initializers: Map<string, OnnxTensor>;
  private readonly taken = new Set<string>();
  private readonly constants = new Map<string, Value>();
  private counter = 0;

  /** @param base a graph to build on; it is not changed */
  constructor(base?: Pick<OnnxGraph, 'nodes' | 'initializers' | 'inputs'>) {
    this.nodes = [...base?.nodes ?? []];
    this.initializers = new Map(base?.initializers);
    // Nodes are named after their first output. ONNX Runtime refuses two nodes with the same name.
    for (const node of this.nodes) for (const name of [node.name, ...node.inputs, ...node.outputs]) this.taken.add(name);
    for (const name of this.initializers.keys()) this.taken.add(name);
    for (const { name } of base?.inputs ?? []) this.taken.add(name);
  }

  /** Reserves a name for a tensor that a runtime will feed or a later node will produce. */
  reserve(name: string): Value {
    if (this.taken.has(name)) throw new Error(`the graph already has a tensor called '${name}'`);
    this.taken.add(name);
    return name;
  }

  private unique(hint: string): Value {
    let name: string;
    do name = `${hint}_${this.counter++}`; while (this.taken.has(name));
    this.taken.add(name);
    return name;
  }

  /** Adds a node with several outputs. Most callers use one of the typed helpers. */
  nodeWithOutputs(op: string, inputs: readonly Value[], outputs: number, attributes: Record<string, AttributeInput> = {}): Value[] {
    const names = Array.from({ length: outputs }, () => this.unique(op));
    this.nodes.push({ name: names[0], op, domain: '', inputs, outputs: names, attributes: toAttributes(attributes) });
    return names;
  }

  /** Adds a node with one output. */
  node(op: string, inputs: readonly Value[], attributes?: Record<string, AttributeInput>): Value {
    return this.nodeWithOutputs(op, inputs, 1, attributes)[0];
  }

  /** Gives a tensor a chosen name, for instance that of a graph output. */
  alias(value: Value, name: string): Value {
    this.reserve(name);
    this.nodes.push({ name, op: 'Identity', domain: '', inputs: [value], outputs: [name], attributes: {} });
    return name;
  }

  /** A constant tensor. */
  constant(tensor: OnnxTensor, hint = 'const'): Value {
    const name = this.unique(hint);
    this.initializers.set(name, tensor);
    return name;
  }

  /** A float constant: a scalar or a vector by default. Equal small constants are shared. */
  floats(values: number | readonly number[] | Float32Array, dims?: readonly number[]): Value {
    const list = typeof values === 'number' ? [values] : values;
    const shape = dims ?? (typeof values === 'number' ? [] : [list.length]);
    return this.shared('f', list, shape, () => OnnxTensor.float32(shape, list));
  }

  /** An int64 constant: a scalar or a vector. Equal small constants are shared. */
  ints(values: number | readonly number[]): Value {
    const list = typeof values === 'number' ? [values] : values;
    const shape = typeof values === 'number' ? [] : [list.length];
    return this.shared('i', list, shape, () => OnnxTensor.int64(shape, list));
  }

  private shared(kind: string, list: readonly number[] | Float32Array, shape: readonly number[], make: () => OnnxTensor): Value {
    if (list.length > 16) return this.constant(make());
    const key = `${kind}:${shape.join(',')}:${Array.from(list, (value) => (Object.is(value, -0) ? '-0' : value)).join(',')}`;
    const known = this.constants.get(key);
    if (known !== undefined) return known;
    const value = this.constant(make());
    this.constants.set(key, value);
    return value;
  }

  // Element by element, with broadcasting.
  add(a: Value, b: Value): Value { return this.node('Add', [a, b]); }
  sub(a: Value, b: Value): Value { return this.node('Sub', [a, b]); }
  mul(a: Value, b: Value): Value { return this.node('Mul', [a, b]); }
  div(a: Value, b: Value): Value { return this.node('Div', [a, b]); }
  pow(a: Value, b: Value): Value { return this.node('Pow', [a, b]); }
  mod(a: Value, b: Value): Value { return this.node('Mod', [a, b]); }
  min(a: Value, b: Value): Value { return this.node('Min', [a, b]); }
  max(a: Value, b: Value): Value { return this.node('Max', [a, b]); }
  greater(a: Value, b: Value): Value { return this.node('Greater', [a, b]); }
  less(a: Value, b: Value): Value { return this.node('Less', [a, b]); }
  equal(a: Value, b: Value): Value { return this.node('Equal', [a, b]); }
  and(a: Value, b: Value): Value { return this.node('And', [a, b]); }
  where(condition: Value, a: Value, b: Value): Value { return this.node('Where', [condition, a, b]); }
  neg(x: Value): Value { return this.node('Neg', [x]); }
  relu(x: Value): Value { return this.node('Relu', [x]); }
  exp(x: Value): Value { return this.node('Exp', [x]); }
  sqrt(x: Value): Value { return this.node('Sqrt', [x]); }
  sigmoid(x: Value): Value { return this.node('Sigmoid', [x]); }
  cast(x: Value, to: number): Value { return this.node('Cast', [x], { to }); }
  sum(values: readonly Value[]): Value { return values.length === 1 ? values[0] : this.node('Sum', values); }

  // Reductions; `axes` are kept with size 1 by default.
  reduceSum(x: Value, axes: readonly number[], keepdims = true): Value { return this.reduce('ReduceSum', x, axes, keepdims); }
  reduceMean(x: Value, axes: readonly number[], keepdims = true): Value { return this.reduce('ReduceMean', x, axes, keepdims); }
  private reduce(op: string, x: Value, axes: readonly number[], keepdims: boolean): Value {
    return this.node(op, [x, this.ints(axes)], { keepdims: keepdims ? 1 : 0 });
  }

  /** The dimensions [start, end) of a tensor as an int64 vector. */
  shape(x: Value, start = 0, end?: number): Value { return this.node('Shape', [x], { start, end }); }
  reshape(x: Value, shape: Value | readonly number[]): Value {
    return this.node('Reshape', [x, typeof shape === 'string' ? shape : this.ints(shape)]);
  }

  expand(x: Value, shape: Value): Value { return this.node('Expand', [x, shape]); }
  concat(values: readonly Value[], axis: number): Value {
    return values.length === 1 ? values[0] : this.node('Concat', values, { axis });
  }

  transpose(x: Value, perm: readonly number[]): Value { return this.node('Transpose', [x], { perm }); }
  unsqueeze(x: Value, axes: readonly number[]): Value { return this.node('Unsqueeze', [x, this.ints(axes)]); }
  squeeze(x: Value, axes: readonly number[]): Value { return this.node('Squeeze', [x, this.ints(axes)]); }
  gather(x: Value, indices: Value, axis: number): Value { return this.node('Gather', [x, indices], { axis }); }
  /** `starts`, `ends` and `steps` (1 by default) are int64 vectors as long as `axes`. */
  slice(x: Value, starts: Value, ends: Value, axes: readonly number[], steps?: readonly number[]): Value {
    return this.node('Slice', [x, starts, ends, this.ints(axes), ...steps === undefined ? [] : [this.ints(steps)]]);
  }

  /** Pads with zeros. `pads` is an int64 vector: all begins, then all ends. */
  pad(x: Value, pads: Value): Value { return this.node('Pad', [x, pads], { mode: 'constant' }); }
  /** A float tensor of the given shape (an int64 vector), filled with one value. */
  fill(shape: Value, value: number): Value {
    const name = this.unique('ConstantOfShape');
    this.nodes.push({
      name, op: 'ConstantOfShape', domain: '', inputs: [shape], outputs: [name],
      attributes: { value: { kind: 'tensor', value: OnnxTensor.float32([1], [value]) } },
    });
    return name;
  }

  oneHot(indices: Value, depth: Value, values: Value, axis = -1): Value { return this.node('OneHot', [indices, depth, values], { axis }); }
  argMax(x: Value, axis: number): Value { return this.node('ArgMax', [x], { axis, keepdims: 1 }); }
  range(start: Value, limit: Value, step: Value): Value { return this.node('Range', [start, limit, step]); }
  /** Adds `updates` to a copy of `data` at `indices` along one axis. */
  scatterAdd(data: Value, indices: Value, updates: Value, axis: number): Value {
    return this.node('ScatterElements', [data, indices, updates], { axis, reduction: 'add' });
  }

  /** x [N, C, H, W], w [M, C / group, kH, kW]. */
  conv(x: Value, w: Value, { group, ...window }: WindowAttributes & { readonly group?: number } = {}): Value {
    return this.node('Conv', [x, w], { group, ...window });
  }

  averagePool(x: Value, attributes: PoolAttributes): Value {
    return this.node('AveragePool', [x], { ...attributes });
  }

  matmul(a: Value, b: Value): Value { return this.node('MatMul', [a, b]); }
  gemm(a: Value, b: Value, attributes: { readonly transA?: number; readonly transB?: number } = {}): Value {
    return this.node('Gemm', [a, b], attributes);
  }
}

function toAttributes(attributes: Record<string, AttributeInput>): Attributes {
  const entries: [string, Attribute][] = [];
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    if (typeof value === 'number') entries.push([name, { kind: 'int', value }]);
    else if (typeof value === 'string') entries.push([name, { kind: 'string', value }]);
    else if ('float' in value) entries.push([name, { kind: 'float', value: value.float }]);
    else entries.push([name, { kind: 'ints', value }]);
  }
  return Object.fromEntries(entries);
}
