import type * as Tf from '@tensorflow/tfjs-core';
import type { HostValue } from '../../onnx/shapes/host-ops.js';
import { sizeOf } from '../../onnx/tensor.js';

/** TensorFlow.js, loaded and with a backend chosen. */
export type TfModule = typeof Tf;

/** Channels behind height and width, as TensorFlow.js's convolutions want them; and back. */
const TO_LAST = [0, 2, 3, 1];
const TO_FIRST = [0, 3, 1, 2];

/**
 * Floats on the backend; truths that were computed there are 0 and 1. Its dimensions are ONNX's, channels first, but a
 * tensor of four axes may lie there with channels last: convolutions and pools leave it so, and so does all that works
 * element by element. It is turned where an operator must have it otherwise, and then has both forms.
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

  /** Numbers that go to the backend when an operator asks for them, in the form that it asks for. */
  static stored(tf: TfModule, dims: readonly number[], data: Float32Array): DeviceValue {
    const value = new DeviceValue(tf, dims);
    value.source = data;
    value.lasting = true;
    return value;
  }

  /** Whether it lies with channels last, and only so. */
  get channelsLast(): boolean {
    return this.first === undefined && this.source === undefined;
  }

  /** The only number that it holds, where that is known without asking the backend. */
  get number(): number | undefined {
    return this.source?.length === 1 ? this.source[0] : undefined;
  }

  /** In ONNX's own order. */
  plain(): Tf.Tensor {
    return this.first ??= this.held(this.inOrder());
  }

  /** [N, H, W, C] of a tensor of four axes. */
  nhwc(): Tf.Tensor4D {
    return (this.last ??= this.held(this.tf.transpose(this.inOrder(), TO_LAST))) as Tf.Tensor4D;
  }

  /** As it lies. */
  asItLies(): Tf.Tensor {
    return this.channelsLast ? this.last! : this.plain();
  }

  /** In the form in which it broadcasts against tensors that lie with channels last. */
  againstLast(): Tf.Tensor {
    const { dims } = this;
    if (dims.length === 4) return this.nhwc();
    if (sizeOf(dims) === 1) return this.once('scalar', (plain) => this.tf.reshape(plain, []));
    return this.once('against last', (plain) => this.tf.transpose(this.tf.reshape(plain, [...Array<number>(4 - dims.length).fill(1), ...dims]), TO_LAST));
  }

  /**
   * Something made of it once and kept as long as it lives: a weight in another order, for example.
   *
   * @param make from the tensor in ONNX's order, which is not kept for this alone
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

  /** What is made of a value lives as long as the value does. */
  private held(tensor: Tf.Tensor): Tf.Tensor {
    return this.lasting ? this.tf.keep(tensor) : tensor;
  }

  /** Lets it outlive the tidying up after the operator that made it. */
  keep(): void {
    this.lasting = true;
    this.first &&= this.own(this.first);
    this.last &&= this.own(this.last);
  }

  /** A tensor that is kept already is that of an operator's input, handed on as it was: it takes a copy (of the handle alone). */
  private own(tensor: Tf.Tensor): Tf.Tensor {
    return this.tf.keep(tensor.kept ? this.tf.clone(tensor) : tensor);
  }

  /** The same numbers as a value of its own. */
  handedOn(): DeviceValue {
    const { tf, dims } = this;
    return this.channelsLast ? DeviceValue.last(tf, dims, this.last!) : DeviceValue.first(tf, dims, this.plain());
  }

  /** Its numbers in ONNX's order. On a GPU this waits for all that is under way there. */
  read(): Float32Array {
    if (this.source !== undefined) return this.source;
    const tensor = this.first ?? this.tf.tidy(() => this.inOrder());
    try {
      return tensor.dataSync<'float32'>();
    } finally {
      if (tensor !== this.first) tensor.dispose();
    }
  }

  /** As {@link read}, without blocking the thread where the backend computes by itself. */
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

/** The axis of [N, H, W, C] that an axis of [N, C, H, W] has become. */
export function lastAxis(axis: number): number {
  return TO_FIRST[axis];
}

/** What stands for each axis of [N, C, H, W], in the order of [N, H, W, C]. */
export function inLastOrder<T>(perAxis: readonly T[]): T[] {
  return TO_LAST.map((axis) => perAxis[axis]);
}
