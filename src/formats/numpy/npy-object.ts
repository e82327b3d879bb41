import { encodeNpyHeader, NpyError, readNpyHeader } from './npy-header.js';
import { NdArray } from '../pickle/numpy.js';
import { loadPickle } from '../pickle/pickle.js';
import { PickleError } from '../pickle/values.js';
import { pickleObjectArray } from '../pickle/write.js';
import type { PickledDict } from '../pickle/write.js';
import type { PickleValue } from '../pickle/values.js';
import { arrayPickles } from '../weights/torch-embedded.js';

/**
 * Reads the single Python object in an `.npy` file written by `numpy.save(file, some_dict)`: an array of one element with
 * the dtype object.
 *
 * @throws {PickleError | NpyError} if the bytes are something else, or contain more than plain values, numpy arrays and
 *   PyTorch tensors
 */
export function parseNpyObject(bytes: Uint8Array): PickleValue {
  const { type, shape, content } = readNpyHeader(bytes);
  if (!/^O\d*$/.test(type)) {
    throw new NpyError(`it contains an array of numbers or strings with the shape (${shape.join(', ')}), not a dictionary`);
  }
  const array = loadPickle(content, arrayPickles);
  if (!(array instanceof NdArray)) throw new PickleError('it is corrupt');
  if (array.length !== 1) throw new NpyError(`it contains an array of ${array.length} Python objects, not one dictionary`);
  return array.values[0];
}

/**
 * Encodes a dictionary of arrays as `numpy.save(file, some_dict)` does. `numpy.load(file, allow_pickle=True).item()` reads it.
 */
export function encodeNpyDict(dict: PickledDict): Uint8Array {
  return Buffer.concat([encodeNpyHeader('|O', []), pickleObjectArray(dict)]);
}
