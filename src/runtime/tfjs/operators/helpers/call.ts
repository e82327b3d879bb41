import type * as Tf from '@tensorflow/tfjs-core';
import { UserError } from '../../../../errors.js';
import { HostValue } from '../../../../onnx/shapes/host-ops.js';
import { isInteger, outputType } from '../../../../onnx/shapes/element-types.js';
import { evaluate, inferNode, knownValue } from '../../../../onnx/shapes/infer.js';
import { describeNode } from '../../../../onnx/model.js';
import type { OnnxNode } from '../../../../onnx/model.js';
import type { TensorInfo } from '../../../../onnx/shapes/tensor-info.js';
import { traitsOf } from '../../../../onnx/operators.js';
import { DataType } from '../../../../onnx/tensor.js';
import type { TfModule, TfValue } from '../../value.js';
import { DeviceValue } from '../../value.js';

/** Computes the outputs of an ONNX operator with TensorFlow.js. */
export type TfOperator = (call: OperatorCall) => TfValue | readonly TfValue[];

/** Operators by their names in ONNX. */
export type OperatorTable = Readonly<Record<string, TfOperator>>;

/** A node and the values of its inputs. */
export class OperatorCall {
  constructor(readonly tf: TfModule, readonly node: OnnxNode, private readonly values: readonly (TfValue | undefined)[]) {}

  get count(): number {
    return this.values.length;
  }

  has(i: number): boolean {
    return this.values[i] !== undefined;
  }

  /** An input as it is. */
  value(i: number): TfValue {
    const value = this.values[i];
    if (value === undefined) throw new UserError(`${describeNode(this.node)} has no input ${i}`);
    return value;
  }

  /** An input on the backend. Integers are converted to floats. */
  device(i: number): DeviceValue {
    const value = this.value(i);
    return value instanceof DeviceValue ? value : this.floats(value.dims, Float32Array.from(value.data));
  }

  /** An input as numbers in JavaScript. */
  host(i: number): HostValue {
    const value = this.value(i);
    return value instanceof HostValue ? value : new HostValue(value.dims, Float64Array.from(value.read()));
  }

  /** The numbers of a small input: a shape, axes, limits. */
  numbers(i: number): number[] {
    return this.host(i).numbers;
  }

  /** What is known about the outputs from the shapes of the inputs, and from the values that are in JavaScript. */
  get outputs(): readonly TensorInfo[] {
    const known = inferNode(this.node, this.values.map((value) => value && (value instanceof HostValue ? knownValue(value) : { dims: value.dims })));
    return known ?? this.refuse(`${this.node.op} with an unknown output shape`);
  }

  /** The outputs, if they are integers or booleans and all inputs are in JavaScript: sizes and indices. */
  inJavaScript(): readonly HostValue[] | undefined {
    const { node, values } = this;
    if (traitsOf(node).onSizes !== true || !values.every((value) => value === undefined || value instanceof HostValue)) return undefined;
    const type = outputType(node, values.map(() => DataType.int64));
    return isInteger(type) || type === DataType.bool ? this.evaluated() : undefined;
  }

  /** The outputs, computed in JavaScript. */
  evaluated(): readonly HostValue[] {
    const outputs = evaluate(this.node, this.values.map((value, i) => value && this.host(i)), true);
    return outputs ?? this.refuse(`${this.node.op} of integers`);
  }

  /** A tensor in ONNX's order as a result. */
  result(tensor: Tf.Tensor, dims: readonly number[] = tensor.shape): DeviceValue {
    return DeviceValue.first(this.tf, dims, tensor);
  }

  /** A tensor [N, H, W, C] as a result. */
  resultNhwc(tensor: Tf.Tensor): DeviceValue {
    const [n, h, w, c] = tensor.shape;
    return DeviceValue.last(this.tf, [n, c, h, w], tensor);
  }

  /** A result with the shape and layout of an input. */
  resultLike(value: DeviceValue, make: (x: Tf.Tensor) => Tf.Tensor): DeviceValue {
    const tensor = make(value.asItLies());
    return value.channelsLast ? DeviceValue.last(this.tf, value.dims, tensor) : DeviceValue.first(this.tf, value.dims, tensor);
  }

  /** Numbers computed in JavaScript as a result on the backend. */
  floats(dims: readonly number[], data: Float32Array): DeviceValue {
    return DeviceValue.first(this.tf, dims, this.tf.tensor(data, [...dims], 'float32'));
  }

  refuse(what: string): never {
    throw new UserError(`${describeNode(this.node)}: ${what} is not supported on TensorFlow.js`, 'use --runtime ort');
  }
}

/** An axis counted from the first. */
export function fromFirst(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** 0, 1, 2, ... */
export function counting(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
