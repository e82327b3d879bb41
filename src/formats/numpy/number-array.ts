import type { NumberArray } from './npz.js';
import { excessOf } from '../../limits.js';
import { isNumbers, NdArray } from '../pickle/numpy.js';
import { PickleError } from '../pickle/values.js';
import type { PickleValue } from '../pickle/values.js';

/** Lists nested deeper hold no array that anybody means. */
const DEEPEST = 8;

/**
 * Numbers in any of the forms in which Python programs keep them: a numpy array, a PyTorch tensor, a number or boolean, or
 * lists and tuples of these that are all of one shape.
 *
 * @returns the array, or `undefined` if the value is something else
 * @throws {PickleError} if it takes more memory than the limit of arrays
 */
export function numberArray(value: PickleValue): NumberArray | undefined {
  if (value instanceof NdArray) {
    const { shape, values } = value;
    if (isNumbers(values)) return { shape, values };
  }
  const shape = shapeOf(value);
  if (shape === undefined) return undefined;
  const length = shape.reduce((product, size) => product * size, 1);
  // Before anything is walked: a short pickle can hold one list a thousand times, and that one another.
  const excess = excessOf('arrayBytes', 8 * length, `it holds lists of ${length} numbers, which take ${8 * length} bytes`);
  if (excess !== undefined) throw new PickleError(excess.message, excess.hint);
  const values = new Float64Array(length);
  return length === 0 || fill(value, shape, values, 0) ? { shape, values } : undefined;
}

/** The shape of nested lists by their first entries; `undefined` if there are no numbers at the end. */
function shapeOf(value: PickleValue): number[] | undefined {
  const shape: number[] = [];
  for (let at = value; ;) {
    if (shape.length > DEEPEST) return undefined;
    if (typeof at === 'number' || typeof at === 'boolean') return shape;
    if (at instanceof NdArray && isNumbers(at.values)) return [...shape, ...at.shape];
    const entries = entriesOf(at);
    if (entries === undefined) return undefined;
    shape.push(...entries.shape);
    if (entries.values.length === 0) return shape;
    at = entries.values[0];
  }
}

/** What a list or an array of objects holds, in its shape. */
function entriesOf(value: PickleValue): { readonly shape: readonly number[]; readonly values: readonly PickleValue[] } | undefined {
  if (Array.isArray(value)) return { shape: [value.length], values: value };
  if (value instanceof NdArray && !isNumbers(value.values)) return { shape: value.shape, values: value.values };
  return undefined;
}

/** Writes what has a shape into `target` from `start` on; false if something in it has another shape. */
function fill(value: PickleValue, shape: readonly number[], target: Float64Array, start: number): boolean {
  if (typeof value === 'number' || typeof value === 'boolean') {
    target[start] = Number(value);
    return shape.length === 0;
  }
  if (value instanceof NdArray && isNumbers(value.values)) {
    if (value.shape.join() !== shape.join()) return false;
    target.set(value.values, start);
    return true;
  }
  const entries = entriesOf(value);
  if (entries === undefined || entries.shape.join() !== shape.slice(0, entries.shape.length).join()) return false;
  const inner = shape.slice(entries.shape.length);
  const step = inner.reduce((product, size) => product * size, 1);
  return entries.values.every((entry, i) => fill(entry, inner, target, start + i * step));
}
