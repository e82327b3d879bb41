import type * as Tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../../onnx/tensor.js';

/** TensorFlow.js, loaded and with a backend chosen. */
export type TfModule = typeof Tf;

/** Numbers that steer the graph (shapes, indices, axes): they are computed in JavaScript, exactly, and never leave it. */
export class HostValue {
  constructor(readonly dims: readonly number[], readonly data: readonly number[]) {
    if (sizeOf(dims) !== data.length) throw new RangeError(`${data.length} numbers do not fill [${dims.join(', ')}]`);
  }
}

/** Channels behind height and width, as TensorFlow.js's convolutions want them; and back. */
const TO_LAST = [0, 2, 3, 1];
const TO_FIRST = [0, 3, 1, 2];

/**
 * A tensor on the backend. Its dimensions are ONNX's, channels first; a tensor of four axes may lie there with channels
 * last, in which convolutions, pools and all that is done element by element leave it. It is turned where it must be.
 */
export class DeviceValue {
  private first: Tf.Tensor | undefined;
  private last: Tf.Tensor | undefined;
  private readonly derived = new Map<string, Tf.Tensor>();
  private lasting = false;

  constructor(private readonly tf: TfModule, readonly dims: readonly number[], tensor: Tf.Tensor, channelsLast = false) {
    if (channelsLast) this.last = tensor;
    else this.first = tensor;
  }

  /** Whether it lies with channels last, and only so. */
  get channelsLast(): boolean {
    return this.first === undefined;
  }

  get dtype(): Tf.DataType {
    return (this.first ?? this.last)!.dtype;
  }

  /** In ONNX's own order. */
  plain(): Tf.Tensor {
    return this.first ??= this.held(this.tf.transpose(this.last!, TO_FIRST));
  }

  /** [N, H, W, C] of a tensor of four axes. */
  nhwc(): Tf.Tensor {
    return this.last ??= this.held(this.tf.transpose(this.first!, TO_LAST));
  }

  /** As it lies. */
  asItLies(): Tf.Tensor {
    return (this.first ?? this.last)!;
  }

  /** Something made of it once and kept as long as it lives: a weight in another order, for example. */
  once(key: string, make: () => Tf.Tensor): Tf.Tensor {
    let found = this.derived.get(key);
    if (found === undefined) this.derived.set(key, found = this.held(make()));
    return found;
  }

  /** Lets it outlive the tidying up after the operator that made it. */
  keep(): void {
    this.lasting = true;
    if (this.first !== undefined) this.tf.keep(this.first);
    if (this.last !== undefined) this.tf.keep(this.last);
  }

  /** What is made of a value lives as long as the value does. */
  private held(tensor: Tf.Tensor): Tf.Tensor {
    return this.lasting ? this.tf.keep(tensor) : tensor;
  }

  dispose(): void {
    this.first?.dispose();
    this.last?.dispose();
    for (const tensor of this.derived.values()) tensor.dispose();
  }
}

export type TfValue = HostValue | DeviceValue;

/** The axis of [N, H, W, C] that an axis of [N, C, H, W] has become. */
export function lastAxis(axis: number): number {
  return [0, 3, 1, 2][axis];
}
