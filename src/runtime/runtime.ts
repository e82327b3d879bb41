// So that programs that use the library do not need it in their own settings.
/// <reference lib="esnext.disposable" preserve="true" />
import type { NdArray } from 'ndarray';
import { arrayView } from '../ndarray.js';

/** An input or output of a runtime, in row-major order. */
export type RuntimeTensor
  = | { readonly type: 'float32'; readonly dims: readonly number[]; readonly data: Float32Array }
    | { readonly type: 'int64'; readonly dims: readonly number[]; readonly data: BigInt64Array };

/** A float tensor as an ndarray of the same shape, without a copy. */
export function tensorToNdarray({ data, dims }: Extract<RuntimeTensor, { readonly type: 'float32' }>): NdArray<Float32Array> {
  return arrayView(data, dims);
}

/** How a runtime may use the machine. */
export interface SessionOptions {
  /** Threads for one run. */
  readonly threads: number;
  /** For one session that runs repeatedly with the same shapes, as in training: memory is planned ahead, and threads wait actively. */
  readonly steady?: boolean;
  /**
   * A run may overwrite the outputs of the previous run, which must have the same shapes. This saves allocating large outputs.
   * (TensorFlow.js ignores this option.)
   */
  readonly overwrite?: boolean;
  /**
   * Keep freed memory for the next run, which is faster. If false, the process only uses the memory of one run. Default: true.
   * (TensorFlow.js ignores this option.)
   */
  readonly arena?: boolean;
}

/** A loaded graph, ready to run. */
export interface Session {
  /**
   * Runs the graph.
   *
   * @param feeds every input of the graph by name
   * @param outputs the outputs to compute. Default: all
   */
  run(feeds: Readonly<Record<string, RuntimeTensor>>, outputs?: readonly string[]): Promise<Record<string, RuntimeTensor>>;
  release(): Promise<void>;
  /** Same as {@link release}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A runtime for ONNX graphs. */
export interface Runtime {
  readonly name: string;
  readonly version: string;
  /** The device that computes, as users type it. */
  readonly device: string;
  /** @param model a serialised ONNX model */
  load(model: Uint8Array, options: SessionOptions): Promise<Session>;
}

/** The devices that are the processor. */
const PROCESSORS: readonly string[] = ['cpu', 'node', 'wasm'];

/** Whether an accelerator computes, not the processor. */
export function isAccelerated({ device }: Pick<Runtime, 'device'>): boolean {
  return !PROCESSORS.includes(device);
}
