import { sizeOf } from '../onnx/tensor.js';
import { decodeFloats, elementSize } from './elements.js';
import { cutShort, WeightsError } from './error.js';
import type { FileBytes } from './file-bytes.js';
import type { StateDict, StoredDictionary, StoredTensor } from './stored-tensor.js';
import type { TorchStorage, TorchTensor } from './torch-pickle.js';
import type { TorchDictionary } from './torch-state-dict.js';

/** A place in a file, in bytes. */
interface Place {
  readonly offset: number;
  readonly size: number;
}

/**
 * The dictionaries of a checkpoint, their tensors to be read from where the storages are.
 *
 * @throws {WeightsError} if a storage is missing or shorter than the pickle says
 */
export function placeDictionaries(
  dictionaries: readonly TorchDictionary[], file: FileBytes, find: (storage: TorchStorage) => Place | undefined,
): StoredDictionary[] {
  return dictionaries.map(({ tensors, wrapper }) => ({ wrapper, tensors: placeTensors(tensors, file, find) }));
}

function placeTensors(
  tensors: ReadonlyMap<string, TorchTensor>, file: FileBytes, find: (storage: TorchStorage) => Place | undefined,
): StateDict {
  return new Map([...tensors].map(([name, tensor]) => {
    const place = find(tensor.storage);
    if (place === undefined) throw new WeightsError(`the numbers of '${name}' are missing`);
    if (place.size < tensor.storage.count * elementSize(tensor.storage.type)) throw cutShort();
    return [name, placed(tensor, file, place.offset)];
  }));
}

function placed(tensor: TorchTensor, file: FileBytes, storageOffset: number): StoredTensor {
  const { storage: { type }, offset, span, shape, strides } = tensor;
  const step = elementSize(type);
  return {
    type, shape, place: [storageOffset, offset, ...shape, ...strides].join(),
    read: async () => {
      const floats = decodeFloats(type, await file.read(storageOffset + offset * step, span * step));
      return isContiguous(shape, strides) ? floats : rowMajor(floats, shape, strides);
    },
  };
}

/** Whether the elements lie in row-major order without gaps. The stride of an axis of one element says nothing. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

/** Puts the elements of a strided view (a transposed matrix, a kernel in NHWC) in row-major order. */
function rowMajor(span: Float32Array, shape: readonly number[], strides: readonly number[]): Float32Array {
  const result = new Float32Array(sizeOf(shape));
  const index = shape.map(() => 0);
  for (let i = 0, at = 0; i < result.length; i++) {
    result[i] = span[at];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}
