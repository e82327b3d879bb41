import { numbersInRowOrder } from '../pickle/strides.js';
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
 * The dictionaries of a checkpoint, with tensors that are read from their storages in the file.
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
      return numbersInRowOrder(floats, shape, strides);
    },
  };
}
