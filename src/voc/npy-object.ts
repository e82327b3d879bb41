import { NdArray, numpyPickles } from '../pickle/numpy.js';
import { loadPickle } from '../pickle/pickle.js';
import { PickleError } from '../pickle/values.js';
import type { PickleValue } from '../pickle/values.js';

const magic = Buffer.from('\x93NUMPY', 'latin1');

/**
 * The single Python object of an `.npy` file as `numpy.save(file, some_dict)` writes it: an array of shape () and dtype
 * object. Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * @throws {PickleError} when the bytes are something else, or hold more than plain values and numpy arrays
 */
export function parseNpyObject(bytes: Uint8Array): PickleValue {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!file.subarray(0, 6).equals(magic)) throw new PickleError('it is not an .npy file');
  const lengthBytes = file[6] === 1 ? 2 : 4;
  const start = 8 + lengthBytes;
  if (file.length < start) throw new PickleError('it is cut short');
  const end = start + file.readUIntLE(8, lengthBytes);
  const header = file.toString('latin1', start, end);
  if (!/'descr':\s*'\|O/.test(header) || !/'shape':\s*\(\s*\)/.test(header)) {
    throw new PickleError(`it does not hold one pickled object, as numpy.save(file, some_dict) writes it, but ${header.trim()}`);
  }
  const array = loadPickle(file.subarray(end), numpyPickles);
  if (!(array instanceof NdArray) || array.values.length !== 1) throw new PickleError('it is corrupt');
  return array.values[0];
}
