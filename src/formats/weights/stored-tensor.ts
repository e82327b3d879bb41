import type { DataType } from '../../onnx/tensor.js';

/** A tensor in a file of weights. Its numbers are read only when they are asked for. */
export interface StoredTensor {
  /** The type of its elements in the file. */
  readonly type: DataType;
  /** Its dimensions, all known; empty for a scalar. */
  readonly shape: readonly number[];
  /** Equal for two names of one tensor: where it lies in the file. Two copies of a tensor have two places. */
  readonly place?: string;
  /**
   * Reads its elements as 32-bit floats, in row-major order.
   *
   * @throws {WeightsError} where they are no floating-point numbers, or the file was cut short meanwhile
   */
  read(): Promise<Float32Array>;
}

/** Tensors by name, as a network's state dictionary holds them. */
export type StateDict = ReadonlyMap<string, StoredTensor>;

/** A dictionary of tensors that a file holds. */
export interface StoredDictionary {
  readonly tensors: StateDict;
  /** The keys of the checkpoint that lead to it, joined by dots, such as `state_dict`; `undefined` for the file itself. */
  readonly wrapper: string | undefined;
}
