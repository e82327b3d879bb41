import { numbersInRowOrder } from '../pickle/strides.js';
import { decodeFloats, elementSize } from './elements.js';
import { cutShort, WeightsError } from './error.js';
import type { FileBytes } from './file-bytes.js';
import type { StateDict, StoredTensor } from './stored-tensor.js';
import type { TorchStorage, TorchTensor } from './torch-pickle.js';

/** A place in a file, in bytes. */
interface Place {
  readonly offset: number;
  readonly size: number;
}

/**
 * Tensors of a checkpoint, to be read from where their storages are.
 *
 * @throws {WeightsError} where a storage is missing or shorter than the pickle says
 */
export function placeTensors(
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
    type, shape,
    read: async () => {
      const floats = decodeFloats(type, await file.read(storageOffset + offset * step, span * step));
      return numbersInRowOrder(floats, shape, strides);
    },
  };
}
