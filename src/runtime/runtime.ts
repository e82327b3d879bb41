// Programs that use the library need not have it in their own settings.
/// <reference lib="esnext.disposable" preserve="true" />
import type { NdArray } from 'ndarray';
import { arrayView } from '../ndarray.js';

/** A tensor that goes into or comes out of a runtime, in row-major order. */
export type RuntimeTensor
  = | { readonly type: 'float32'; readonly dims: readonly number[]; readonly data: Float32Array }
    | { readonly type: 'int64'; readonly dims: readonly number[]; readonly data: BigInt64Array };

/** A tensor of floats as an ndarray of its shape, without a copy. */
export function tensorToNdarray({ data, dims }: Extract<RuntimeTensor, { readonly type: 'float32' }>): NdArray<Float32Array> {
  return arrayView(data, dims);
}

/** How a runtime may use the machine. */
export interface SessionOptions {
  /** Threads that one run may use. */
  readonly threads: number;
  /** One session runs again and again at the same shapes, as training does: memory is planned ahead, and threads wait actively. */
  readonly steady?: boolean;
  /**
   * A run may write its outputs over those of the run before it, which must have the same shapes: large ones take longer to
   * allocate than to compute with. (TensorFlow.js ignores it.)
   */
  readonly overwrite?: boolean;
  /**
   * Keep freed memory for the next run. That is faster; without it a process takes no more memory than one run needs.
   * Kept unless false. (TensorFlow.js has no such choice and ignores it.)
   */
  readonly arena?: boolean;
}

/** A loaded graph, ready to run. */
export interface Session {
  /**
   * Runs the graph.
   *
   * @param feeds every input of the graph by name
   * @param outputs the outputs to compute; all of them unless given
   */
  run(feeds: Readonly<Record<string, RuntimeTensor>>, outputs?: readonly string[]): Promise<Record<string, RuntimeTensor>>;
  release(): Promise<void>;
  /** The same as {@link release}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Something that runs ONNX graphs. */
export interface Runtime {
  readonly name: string;
  readonly version: string;
  /** @param model a serialised ONNX model */
  load(model: Uint8Array, options: SessionOptions): Promise<Session>;
}
