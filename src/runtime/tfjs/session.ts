import type * as Tf from '@tensorflow/tfjs-core';
import { UserError, messageOf } from '../../errors.js';
import { ancestors, describeNode } from '../../onnx/model.js';
import type { OnnxModel, OnnxNode } from '../../onnx/model.js';
import { DataType } from '../../onnx/tensor.js';
import type { OnnxTensor } from '../../onnx/tensor.js';
import { upgradeModel } from '../../onnx/upgrade.js';
import type { RuntimeTensor, Session } from '../runtime.js';
import { algebra } from './algebra.js';
import { elementwise } from './elementwise.js';
import { OperatorCall } from './operator.js';
import type { TfOperator } from './operator.js';
import { shaping } from './shaping.js';
import type { TfModule, TfValue } from './value.js';
import { DeviceValue, HostValue } from './value.js';
import { windows } from './windows.js';

/** Every operator that TensorFlow.js can run for us. */
export const tfOperators: Readonly<Record<string, TfOperator>> = { ...elementwise, ...windows, ...shaping, ...algebra };

/** A step of a run: a node, and the tensors that nobody reads after it. */
interface Step {
  readonly node: OnnxNode;
  readonly operator: TfOperator;
  readonly last: readonly string[];
}

/**
 * Runs a graph node by node over TensorFlow.js. A tensor is given back as soon as its last reader has run; weights are
 * converted once. Numbers that steer the graph (shapes, indices) stay in JavaScript.
 */
export class TfSession implements Session {
  private readonly weights = new Map<string, TfValue>();
  private readonly plans = new Map<string, readonly Step[]>();
  private readonly model: OnnxModel;

  /** @throws UserError that names the node where an operator is not supported */
  constructor(private readonly tf: TfModule, model: OnnxModel) {
    this.model = upgradeModel(model);
    for (const node of this.model.graph.nodes) operatorOf(node);
    for (const [name, tensor] of this.model.graph.initializers) this.weights.set(name, this.weight(tensor));
  }

  async run(
    feeds: Readonly<Record<string, RuntimeTensor>>, outputs: readonly string[] = this.model.graph.outputs.map(({ name }) => name),
  ): Promise<Record<string, RuntimeTensor>> {
    const values = new Map<string, TfValue>();
    for (const { name } of this.model.graph.inputs) {
      const feed = feeds[name];
      if (feed === undefined) throw new UserError(`the graph's input '${name}' is not given`);
      values.set(name, feed.type === 'float32' ? this.lasting(feed.dims, feed.data) : new HostValue(feed.dims, Array.from(feed.data, Number)));
    }
    try {
      for (const step of this.planOf(outputs)) {
        this.execute(step, values);
        for (const name of step.last) disposeOf(values, name);
      }
      const results = outputs.map(async (name) => [name, await read(values.get(name) ?? this.weights.get(name), name)] as const);
      return Object.fromEntries(await Promise.all(results));
    } finally {
      for (const name of [...values.keys()]) disposeOf(values, name);
    }
  }

  async release(): Promise<void> {
    for (const value of this.weights.values()) if (value instanceof DeviceValue) value.dispose();
    this.weights.clear();
    return Promise.resolve();
  }

  private execute({ node, operator }: Step, values: Map<string, TfValue>): void {
    const inputs = node.inputs.map((name) => (name === '' ? undefined : values.get(name) ?? this.weights.get(name)));
    try {
      this.tf.tidy(() => {
        const result = operator(new OperatorCall(this.tf, node, inputs));
        const results = Array.isArray(result) ? result as readonly TfValue[] : [result as TfValue];
        node.outputs.forEach((name, i) => {
          const value = results[i];
          if (name === '' || value === undefined) return;
          // An input that goes through as it is would be given back twice.
          const own = value instanceof DeviceValue && inputs.includes(value) ? new DeviceValue(this.tf, value.dims, this.tf.clone(value.plain())) : value;
          if (own instanceof DeviceValue) own.keep();
          values.set(name, own);
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
    if (plan === undefined) this.plans.set(key, plan = this.makePlan(outputs));
    return plan;
  }

  private makePlan(outputs: readonly string[]): Step[] {
    const nodes = ancestors(this.model.graph.nodes, outputs);
    const kept = new Set(outputs);
    const seen = new Set<string>();
    const steps = [...nodes].reverse().map((node) => {
      const read = new Set([...node.inputs, ...node.outputs]);
      const last = [...read].filter((name) => name !== '' && !kept.has(name) && !seen.has(name) && !this.weights.has(name));
      for (const name of last) seen.add(name);
      return { node, operator: operatorOf(node), last };
    });
    return steps.reverse();
  }

  private weight(tensor: OnnxTensor): TfValue {
    const floats = [DataType.float32, DataType.float16, DataType.float64, DataType.bfloat16].includes(tensor.type as never);
    if (!floats) return new HostValue(tensor.dims, tensor.toNumbers());
    return this.lasting(tensor.dims, Float32Array.from(tensor.toFloat32()));
  }

  private lasting(dims: readonly number[], data: Float32Array): DeviceValue {
    const value = new DeviceValue(this.tf, dims, this.tf.tensor(data, [...dims], 'float32'));
    value.keep();
    return value;
  }
}

function operatorOf(node: OnnxNode): TfOperator {
  const operator = node.domain === '' && Object.hasOwn(tfOperators, node.op) ? tfOperators[node.op] : undefined;
  if (operator !== undefined) return operator;
  throw new UserError(`${describeNode(node)}: the operator ${node.op} is not among those that run on TensorFlow.js`, 'run it with --runtime ort');
}

function disposeOf(values: Map<string, TfValue>, name: string): void {
  const value = values.get(name);
  if (value instanceof DeviceValue) value.dispose();
  values.delete(name);
}

async function read(value: TfValue | undefined, name: string): Promise<RuntimeTensor> {
  if (value === undefined) throw new UserError(`the graph has no output '${name}'`);
  if (value instanceof HostValue) return { type: 'int64', dims: value.dims, data: BigInt64Array.from(value.data, BigInt) };
  const tensor: Tf.Tensor = value.plain();
  const data = await tensor.data();
  if (tensor.dtype === 'float32') return { type: 'float32', dims: value.dims, data: Float32Array.from(data) };
  return { type: 'int64', dims: value.dims, data: BigInt64Array.from(data, BigInt) };
}
