import { excessOf } from '../../limits.js';
import { decodeNumbers, sizeOfKind } from './numbers.js';
import type { NumberKind, NumberValues } from './numbers.js';
import { PickleError } from './values.js';

/** The strides, in elements, of an array in C order: the last axis varies fastest. */
export function rowStrides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
}

/** The strides, in elements, of an array in Fortran order: the first axis varies fastest. */
export function columnStrides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(0, axis).reduce((product, size) => product * size, 1));
}

/** Whether elements are in row-major order without gaps. The stride of an axis with one element is ignored. */
function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

/**
 * Puts the elements of a strided view (a transposed matrix, a kernel in NHWC) into row-major order.
 *
 * @param source element [i, j, ...] is at i stride_0 + j stride_1 + ...
 * @param result the output, with as many elements as the shape
 * @returns the result, or the source if it is already in order
 */
export function inRowOrder<S extends ArrayLike<unknown>, R extends { readonly length: number; [index: number]: S[number] }>(
  source: S, shape: readonly number[], strides: readonly number[], result: R,
): S | R {
  if (isRowMajor(shape, strides)) return source;
  const index = shape.map(() => 0);
  for (let i = 0, at = 0; i < result.length; i++) {
    result[i] = source[at];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

/** Like {@link inRowOrder}, for numbers. The result has the source's type. */
export function numbersInRowOrder<T extends NumberValues>(source: T, shape: readonly number[], strides: readonly number[]): T {
  if (isRowMajor(shape, strides)) return source;
  const length = shape.reduce((product, size) => product * size, 1);
  return inRowOrder(source, shape, strides, new (source.constructor as new (length: number) => T)(length));
}

/**
 * Decodes packed numbers that are stored with some strides.
 *
 * @returns the numbers in row-major order
 * @throws {PickleError} if they take more memory than the limit `arrayBytes`; numbers that must be reordered count twice
 */
export function decodeStrided(
  kind: NumberKind, bytes: Uint8Array, littleEndian: boolean, shape: readonly number[], strides: readonly number[],
): NumberValues {
  if (isRowMajor(shape, strides)) return decodeNumbers(kind, bytes, littleEndian);
  const memory = 2 * Math.max(sizeOfKind(kind), 4) * (bytes.length / sizeOfKind(kind));
  const excess = excessOf('arrayBytes', memory, `reordering the numbers of an array takes ${memory} bytes`);
  if (excess !== undefined) throw new PickleError(excess.message, excess.hint);
  return numbersInRowOrder(decodeNumbers(kind, bytes, littleEndian), shape, strides);
}
