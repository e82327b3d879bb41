import { zipSync } from 'fflate';

/** An array as numpy stores it: C order, little-endian. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/**
 * Encodes one array in numpy's .npy format, version 1.0; `numpy.load` reads it without pickle.
 *
 * @throws RangeError where the data does not fill the shape
 */
export function encodeNpy({ shape, data }: NpyArray): Uint8Array {
  if (shape.reduce((product, dim) => product * dim, 1) !== data.length) {
    throw new RangeError(`${data.length} numbers do not fill an array of shape [${shape.join(', ')}]`);
  }
  const type = data instanceof Float32Array ? '<f4' : data instanceof Int32Array ? '<i4' : '|u1';
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // Magic, version and length take 10 bytes; the header ends with a newline on a multiple of 64.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = new Uint8Array(length + data.byteLength);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, (length - 10) & 0xff, (length - 10) >> 8]);
  bytes.set(new TextEncoder().encode(text.padEnd(length - 11) + '\n'), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), length);
  return bytes;
}

/** Encodes named arrays as numpy's .npz, stored as `numpy.savez` does it: maps of floats hardly become smaller, but take long to pack. */
export function encodeNpz(arrays: Readonly<Record<string, NpyArray>>): Uint8Array {
  return zipSync(Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${name}.npy`, encodeNpy(array)])), { level: 0 });
}
