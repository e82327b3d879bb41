import { bytesOf, corrupt, Dtype, NdArray, PickleError, PickleFunction } from './pickle-values.js';
import type { PickleValue } from './pickle-values.js';

const ndarrayType = new PickleFunction(() => { throw corrupt(); });

/** numpy.core.multiarray._reconstruct(type, shape, dtype code): an empty array, filled in later. */
const reconstruct = new PickleFunction(([type]) => {
  if (type !== ndarrayType) throw corrupt();
  return new NdArray();
});

/** numpy.core.multiarray.scalar(dtype, bytes): one number. */
const scalar = new PickleFunction(([dtype, raw]) => {
  if (!(dtype instanceof Dtype)) throw corrupt();
  const [value] = dtype.decode(bytesOf(raw));
  if (value === undefined) throw corrupt();
  return value;
});

/** numpy.core.numeric._frombuffer(bytes, dtype, shape, order): an array, as protocol 5 writes it. */
const fromBuffer = new PickleFunction(([raw, dtype, shape, order]) => {
  const array = new NdArray();
  array.fill(shape, dtype, order === 'F', raw);
  return array;
});

/** numpy.dtype(code, align, copy). */
const dtype = new PickleFunction(([code]) => new Dtype(code));

/** _codecs.encode(text, 'latin1'): how Python 3 writes bytes in protocols that have none. */
const encode = new PickleFunction(([text, encoding]) => {
  if (typeof text !== 'string' || (encoding !== 'latin1' && encoding !== 'latin-1')) throw corrupt();
  return Buffer.from(text, 'latin1');
});

/** bytes(): the same for no bytes at all. */
const emptyBytes = new PickleFunction((args) => {
  if (args.length > 0) throw corrupt();
  return new Uint8Array();
});

/** Everything that a pickle may name. numpy 2 calls `numpy.core` `numpy._core`. */
const globals = new Map<string, PickleFunction>([
  ['numpy.ndarray', ndarrayType],
  ['numpy.dtype', dtype],
  ['numpy.core.multiarray._reconstruct', reconstruct],
  ['numpy._core.multiarray._reconstruct', reconstruct],
  ['numpy.core.multiarray.scalar', scalar],
  ['numpy._core.multiarray.scalar', scalar],
  ['numpy.core.numeric._frombuffer', fromBuffer],
  ['numpy._core.numeric._frombuffer', fromBuffer],
  ['_codecs.encode', encode],
  ['__builtin__.bytes', emptyBytes],
  ['builtins.bytes', emptyBytes],
]);

/**
 * What a pickle means by a name.
 *
 * @throws {PickleError} for every name but the few of the table
 */
export function findGlobal(module: PickleValue, name: PickleValue): PickleFunction {
  if (typeof module !== 'string' || typeof name !== 'string') throw corrupt();
  const found = globals.get(`${module}.${name}`);
  if (found === undefined) throw new PickleError(`it refers to ${module}.${name}, which is refused: only plain values and numpy arrays are read`);
  return found;
}
