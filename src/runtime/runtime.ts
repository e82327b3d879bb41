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

/**
 * How runs of a graph are joined, as plain data. A run has one image and some rows, and all its outputs have one entry per row in their
 * first dimension.
 */
export interface Batching {
  /** The most images in a run. */
  readonly size: number;
  /** The name of the image input, float32 [N, ...]. Only images of one shape are joined. */
  readonly images: string;
  /** The name of an int64 input [rows]. */
  readonly rows: string;
  /** The name of an int64 input [rows]: the index of the image that each row is about. */
  readonly imageOfRow: string;
}

/** What a runtime can do that belongs to several worker threads. */
export interface Sharing {
  /**
   * Like {@link Runtime.load}. All threads that load the same graph get the same session, and their runs are joined.
   *
   * @param graph in shared memory, it is not copied
   */
  load(graph: Uint8Array, options: SessionOptions, batching?: Batching): Promise<Session>;
  /**
   * Makes a check that all threads need. The first thread that asks makes it, and the others wait.
   *
   * @param graph what is checked: there is one check of each graph
   * @throws the error of the check, in all threads
   */
  checkOnce(graph: Uint8Array, check: () => Promise<void>): Promise<void>;
}

/** A runtime for ONNX graphs. */
export interface Runtime {
  readonly name: string;
  readonly version: string;
  /** The device that computes, as users type it. */
  readonly device: string;
  /** @param model a serialised ONNX model */
  load(model: Uint8Array, options: SessionOptions): Promise<Session>;
  /** Only of a runtime that belongs to several worker threads. */
  readonly sharing?: Sharing;
}

/** The devices that are the processor. */
const PROCESSORS: readonly string[] = ['cpu', 'node', 'wasm'];

/** Whether an accelerator computes, not the processor. */
export function isAccelerated({ device }: Pick<Runtime, 'device'>): boolean {
  return !PROCESSORS.includes(device);
}
