import type * as Tf from '@tensorflow/tfjs-core';
import type { HostValue } from '../../onnx/shapes/host-ops.js';
import { sizeOf } from '../../onnx/tensor.js';

/** TensorFlow.js, loaded and with a backend set. */
export type TfModule = typeof Tf;

/** Permutations to channels last, as TensorFlow.js's convolutions need them, and back. */
const TO_LAST = [0, 2, 3, 1];
const TO_FIRST = [0, 3, 1, 2];

/**
 * A float tensor on the backend. Booleans that were computed there are 0 and 1. Its dimensions are ONNX's, channels first, but
 * a tensor with four axes may be stored with channels last. Convolutions, pools and elementwise operators keep that layout. If
 * an operator needs the other layout, the tensor is transposed and kept in both.
 */
export class DeviceValue {
  private first: Tf.Tensor | undefined;
  private last: Tf.Tensor | undefined;
  private source: Float32Array | undefined;
  private readonly derived = new Map<string, Tf.Tensor>();
  private lasting = false;

  private constructor(private readonly tf: TfModule, readonly dims: readonly number[]) {}

  /** A tensor in ONNX's order. */
  static first(tf: TfModule, dims: readonly number[], tensor: Tf.Tensor): DeviceValue {
    const value = new DeviceValue(tf, dims);
    value.first = tensor;
    return value;
  }

  /** A tensor [N, H, W, C]; `dims` is [N, C, H, W]. */
  static last(tf: TfModule, dims: readonly number[], tensor: Tf.Tensor): DeviceValue {
    const value = new DeviceValue(tf, dims);
    value.last = tensor;
    return value;
  }

  /** Numbers that are sent to the backend when an operator needs them, in the layout that it needs. */
  static stored(tf: TfModule, dims: readonly number[], data: Float32Array): DeviceValue {
    const value = new DeviceValue(tf, dims);
    value.source = data;
    value.lasting = true;
    return value;
  }

  /** Whether it is stored only with channels last. */
  get channelsLast(): boolean {
    return this.first === undefined && this.source === undefined;
  }

  /** The element of a tensor of size 1, if it is known without reading from the backend. */
  get number(): number | undefined {
    return this.source?.length === 1 ? this.source[0] : undefined;
  }

  /** The tensor in ONNX's order. */
  plain(): Tf.Tensor {
    return this.first ??= this.held(this.inOrder());
  }

  /** A tensor with four axes as [N, H, W, C]. */
  nhwc(): Tf.Tensor4D {
    return (this.last ??= this.held(this.tf.transpose(this.inOrder(), TO_LAST))) as Tf.Tensor4D;
  }

  /** The tensor in the layout in which it is stored. */
  asItLies(): Tf.Tensor {
    return this.channelsLast ? this.last! : this.plain();
  }

  /** The tensor in the layout in which it broadcasts against tensors with channels last. */
  againstLast(): Tf.Tensor {
    const { dims } = this;
    if (dims.length === 4) return this.nhwc();
    if (sizeOf(dims) === 1) return this.once('scalar', (plain) => this.tf.reshape(plain, []));
    return this.once('against last', (plain) => this.tf.transpose(this.tf.reshape(plain, [...Array<number>(4 - dims.length).fill(1), ...dims]), TO_LAST));
  }

  /**
   * Computes something from the tensor once and keeps it as long as the tensor, for example a weight in another order.
   *
   * @param make gets the tensor in ONNX's order, which is not kept
   */
  once(key: string, make: (plain: Tf.Tensor) => Tf.Tensor): Tf.Tensor {
    let found = this.derived.get(key);
    if (found === undefined) this.derived.set(key, found = this.held(make(this.inOrder())));
    return found;
  }

  private inOrder(): Tf.Tensor {
    if (this.first !== undefined) return this.first;
    return this.source === undefined ? this.tf.transpose(this.last!, TO_FIRST) : this.tf.tensor(this.source, [...this.dims], 'float32');
  }

  /** Tensors computed from a value are kept as long as the value. */
  private held(tensor: Tf.Tensor): Tf.Tensor {
    return this.lasting ? this.tf.keep(tensor) : tensor;
  }

  /** Excludes the value from the disposal of tensors after the operator. */
  keep(): void {
    this.lasting = true;
    this.first &&= this.own(this.first);
    this.last &&= this.own(this.last);
  }

  /** A tensor that is kept already belongs to an input that the operator passed on: clone it, which copies only the handle. */
  private own(tensor: Tf.Tensor): Tf.Tensor {
    return this.tf.keep(tensor.kept ? this.tf.clone(tensor) : tensor);
  }

  /** A separate value with the same numbers. */
  handedOn(): DeviceValue {
    const { tf, dims } = this;
    return this.channelsLast ? DeviceValue.last(tf, dims, this.last!) : DeviceValue.first(tf, dims, this.plain());
  }

  /** The elements in ONNX's order. On a GPU this waits for all running computations. */
  read(): Float32Array {
    if (this.source !== undefined) return this.source;
    const tensor = this.first ?? this.tf.tidy(() => this.inOrder());
    try {
      return tensor.dataSync<'float32'>();
    } finally {
      if (tensor !== this.first) tensor.dispose();
    }
  }

  /** Like {@link read}, without blocking the thread if the backend computes asynchronously. */
  async readLater(): Promise<Float32Array> {
    if (this.source !== undefined) return this.source;
    const tensor = this.first ?? this.tf.tidy(() => this.inOrder());
    try {
      return await tensor.data<'float32'>();
    } finally {
      if (tensor !== this.first) tensor.dispose();
    }
  }

  dispose(): void {
    this.first?.dispose();
    this.last?.dispose();
    for (const tensor of this.derived.values()) tensor.dispose();
  }
}

export type TfValue = HostValue | DeviceValue;

/** The axis in [N, H, W, C] for an axis of [N, C, H, W]. */
export function lastAxis(axis: number): number {
  return TO_FIRST[axis];
}

/** Reorders values for the axes of [N, C, H, W] to the order of [N, H, W, C]. */
export function inLastOrder<T>(perAxis: readonly T[]): T[] {
  return TO_LAST.map((axis) => perAxis[axis]);
}
