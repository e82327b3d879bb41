import { messageOf, UserError } from '../../errors.js';
import { requireWanted } from '../../jobs/stop/abandon.js';
import { HostValue } from '../../onnx/shapes/host-ops.js';
import { foldConstants } from '../../onnx/rewrite/fold.js';
import { ancestors, describeNode } from '../../onnx/model.js';
import type { OnnxGraph, OnnxModel, OnnxNode } from '../../onnx/model.js';
import { DataType } from '../../onnx/tensor.js';
import type { OnnxTensor } from '../../onnx/tensor.js';
import { upgradeModel } from '../../onnx/rewrite/upgrade.js';
import type { RuntimeTensor, Session } from '../runtime.js';
import { OperatorCall } from './operators/helpers/call.js';
import type { TfOperator } from './operators/helpers/call.js';
import { tfOperators } from './operators/index.js';
import type { TfModule, TfValue } from './value.js';
import { DeviceValue } from './value.js';

/** A step of a run: a node, and the tensors that are not read after it. */
interface Step {
  readonly node: OnnxNode;
  readonly operator: TfOperator;
  readonly last: readonly string[];
}

/**
 * Runs a graph node by node on TensorFlow.js. A tensor is disposed as soon as its last reader has run. Weights are sent to the
 * backend once, in the layout that their readers need. A run blocks its thread.
 */
export class TfSession implements Session {
  private readonly graph: OnnxGraph;
  private readonly weights = new Map<string, TfValue>();
  private readonly plans = new Map<string, readonly Step[]>();

  /**
   * @param backend the name of the session's backend
   * @throws UserError that names the node if an operator is not supported
   */
  constructor(private readonly tf: TfModule, private readonly backend: string, model: OnnxModel) {
    this.graph = foldConstants(upgradeModel(model).graph);
    for (const node of this.graph.nodes) operatorOf(node);
    for (const [name, tensor] of this.graph.initializers) this.weights.set(name, stored(tf, tensor));
  }

  async run(
    feeds: Readonly<Record<string, RuntimeTensor>>, outputs: readonly string[] = this.graph.outputs.map(({ name }) => name),
  ): Promise<Record<string, RuntimeTensor>> {
    const { tf, backend, graph } = this;
    // Sessions with other backends may run in this thread too. A backend that is initialised is set immediately. Awaiting it would
    // let another session run in between.
    if (tf.getBackend() !== backend) void tf.setBackend(backend);
    const values = new Map<string, TfValue>();
    try {
      for (const { name } of graph.inputs) values.set(name, fed(tf, feeds[name], name));
      for (const { node, operator, last } of this.planOf(outputs)) {
        requireWanted();
        this.execute(node, operator, values);
        for (const name of last) give(values, name);
      }
      const results: [string, RuntimeTensor][] = [];
      for (const name of outputs) results.push([name, await read(values.get(name) ?? this.weights.get(name), name)]);
      return Object.fromEntries(results);
    } finally {
      for (const name of [...values.keys()]) give(values, name);
    }
  }

  async release(): Promise<void> {
    for (const value of this.weights.values()) if (value instanceof DeviceValue) value.dispose();
    this.weights.clear();
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  private execute(node: OnnxNode, operator: TfOperator, values: Map<string, TfValue>): void {
    const inputs = node.inputs.map((name) => (name === '' ? undefined : values.get(name) ?? this.weights.get(name)));
    try {
      this.tf.tidy(() => {
        const call = new OperatorCall(this.tf, node, inputs);
        const result = call.inJavaScript() ?? operator(call);
        const results: readonly TfValue[] = result instanceof HostValue || result instanceof DeviceValue ? [result] : result;
        node.outputs.forEach((name, i) => {
          if (name === '' || results[i] === undefined) return;
          // An input that is passed on would be disposed twice.
          const value = results[i] instanceof DeviceValue && inputs.includes(results[i]) ? results[i].handedOn() : results[i];
          if (value instanceof DeviceValue) value.keep();
          values.set(name, value);
        });
      });
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(`TensorFlow.js failed at ${describeNode(node)}: ${messageOf(error)}`, undefined, { cause: error });
    }
  }

  private planOf(outputs: readonly string[]): readonly Step[] {
    const key = outputs.join('\0');
    let plan = this.plans.get(key);
    if (plan === undefined) this.plans.set(key, plan = planFor(this.graph, outputs));
    return plan;
  }
}

/** The nodes that some outputs need, in order, each with the tensors that can be disposed after it. */
function planFor(graph: OnnxGraph, outputs: readonly string[]): Step[] {
  const kept = new Set([...outputs, ...graph.initializers.keys(), '']);
  const steps: Step[] = [];
  for (const node of ancestors(graph.nodes, outputs).reverse()) {
    const last = [...new Set([...node.inputs, ...node.outputs])].filter((name) => !kept.has(name));
    for (const name of last) kept.add(name);
    steps.push({ node, operator: operatorOf(node), last });
  }
  return steps.reverse();
}

function operatorOf(node: OnnxNode): TfOperator {
  const operator = node.domain === '' && Object.hasOwn(tfOperators, node.op) ? tfOperators[node.op] : undefined;
  if (operator !== undefined) return operator;
  throw new UserError(`${describeNode(node)}: the operator ${node.op} is not supported on TensorFlow.js`, 'use --runtime ort');
}

const floatTypes: readonly DataType[] = [DataType.float32, DataType.float16, DataType.bfloat16, DataType.float64];

function stored(tf: TfModule, tensor: OnnxTensor): TfValue {
  if (floatTypes.includes(tensor.type)) return DeviceValue.stored(tf, tensor.dims, tensor.toFloat32());
  return HostValue.of(tensor.dims, tensor.toNumbers());
}

function fed(tf: TfModule, feed: RuntimeTensor | undefined, name: string): TfValue {
  if (feed === undefined) throw new UserError(`the graph's input '${name}' is missing`);
  if (feed.type === 'float32') return DeviceValue.stored(tf, feed.dims, feed.data);
  return new HostValue(feed.dims, Float64Array.from(feed.data, Number));
}

function give(values: Map<string, TfValue>, name: string): void {
  const value = values.get(name);
  if (value instanceof DeviceValue) value.dispose();
  values.delete(name);
}

async function read(value: TfValue | undefined, name: string): Promise<RuntimeTensor> {
  if (value === undefined) throw new UserError(`the graph has no output '${name}'`);
  if (value instanceof DeviceValue) return { type: 'float32', dims: value.dims, data: await value.readLater() };
  return { type: 'int64', dims: value.dims, data: BigInt64Array.from(value.data, BigInt) };
}
