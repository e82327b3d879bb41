import type * as Tf from '@tensorflow/tfjs-core';
import { UserError } from '../../errors.js';
import { describeNode } from '../../onnx/model.js';
import type { OnnxNode } from '../../onnx/model.js';
import type { TfModule, TfValue } from './value.js';
import { DeviceValue, HostValue } from './value.js';

/** An operator of ONNX in terms of TensorFlow.js: the node's outputs from its inputs. */
export type TfOperator = (call: OperatorCall) => TfValue | readonly TfValue[];

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
    if (value === undefined) throw new UserError(`${describeNode(this.node)} lacks its input ${i}`);
    return value;
  }

  /** An input on the backend; numbers that steer the graph become floats there. */
  device(i: number): DeviceValue {
    const value = this.value(i);
    return value instanceof DeviceValue ? value : this.result(this.tf.tensor(Float32Array.from(value.data), [...value.dims], 'float32'), value.dims);
  }

  /** An input as numbers in JavaScript. */
  host(i: number): HostValue {
    const value = this.value(i);
    return value instanceof HostValue ? value : new HostValue(value.dims, Array.from(value.plain().dataSync()));
  }

  /** Whether every input is known in JavaScript. */
  get onHost(): boolean {
    return this.values.every((value) => value === undefined || value instanceof HostValue);
  }

  /** A tensor in ONNX's order as a result. */
  result(tensor: Tf.Tensor, dims: readonly number[] = tensor.shape): DeviceValue {
    return new DeviceValue(this.tf, dims, tensor);
  }

  /** A tensor [N, H, W, C] as a result. */
  resultNhwc(tensor: Tf.Tensor): DeviceValue {
    const [n, h, w, c] = tensor.shape;
    return new DeviceValue(this.tf, [n, c, h, w], tensor, true);
  }

  refuse(what: string): never {
    throw new UserError(`${describeNode(this.node)}: TensorFlow.js cannot run ${what} here`, 'run it with --runtime ort');
  }
}
