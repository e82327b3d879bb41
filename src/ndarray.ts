import ndarray from 'ndarray';
import type { NdArray } from 'ndarray';
import { UserError } from './errors.js';

/** The typed arrays of maps, tensors and labels. */
type Numbers = Float32Array | Uint8Array;

/**
 * Numbers in row-major order as an ndarray (https://scijs.net), without a copy: writing to one writes to the other.
 *
 * @param data as many numbers as the shape has
 */
export function arrayView<T extends Numbers>(data: T, shape: readonly number[]): NdArray<T> {
  return ndarray(data, [...shape]);
}

/** Whether a value is an ndarray. */
export function isNdArray(value: object): value is NdArray {
  return 'stride' in value && 'shape' in value && 'offset' in value;
}

/**
 * The numbers of an ndarray in row-major order: a view if they are stored in that order, else a copy.
 *
 * @param kind the required typed array
 * @param dimension the required number of axes
 * @param what the array's name in errors
 * @throws UserError if it has another type or another number of axes
 */
export function rowMajor<T extends Float32Array | Uint8Array>(
  array: NdArray<T>, kind: { new(length: number): T; readonly name: string }, dimension: number, what: string,
): T {
  const { data, shape, stride, offset, size } = array;
  if (!(data instanceof kind) || shape.length !== dimension) {
    throw new UserError(`${what} is an ndarray of ${array.dtype} with ${shape.length} axes`, `give a ${kind.name} with ${dimension} axes`);
  }
  const dense = shape.every((length, axis) => length === 1 || stride[axis] === shape.slice(axis + 1).reduce((product, next) => product * next, 1));
  if (dense) return data.subarray(offset, offset + size) as T;
  const copy = new kind(size);
  const index = shape.map(() => 0);
  for (let i = 0, from = offset; i < size; i++) {
    copy[i] = data[from];
    // The next index, the last axis first.
    for (let axis = dimension - 1; axis >= 0; axis--) {
      from += stride[axis];
      if (++index[axis] < shape[axis]) break;
      from -= stride[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return copy;
}
