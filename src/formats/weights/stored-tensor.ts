import type { DataType } from '../../onnx/tensor.js';

/** A tensor in a weights file. Its numbers are only read on request. */
export interface StoredTensor {
  /** The type of its elements in the file. */
  readonly type: DataType;
  /** Its dimensions, all known; empty for a scalar. */
  readonly shape: readonly number[];
  /** Its place in the file: the same for two names of one tensor, but different for two copies. */
  readonly place?: string;
  /**
   * Reads its elements as 32-bit floats, in row-major order.
   *
   * @throws {WeightsError} if they are not floating-point numbers, or if the file was cut short in the meantime
   */
  read(): Promise<Float32Array>;
}

/** Tensors by name, as in a network's state dictionary. */
export type StateDict = ReadonlyMap<string, StoredTensor>;

/** A dictionary of tensors in a file. */
export interface StoredDictionary {
  readonly tensors: StateDict;
  /** Its path of keys in the checkpoint, joined by dots, such as `state_dict`; `undefined` for the file itself. */
  readonly wrapper: string | undefined;
}
