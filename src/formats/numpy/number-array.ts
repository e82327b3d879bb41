import type { NumberArray } from './npz.js';
import { excessOf } from '../../limits.js';
import { isNumbers, NdArray } from '../pickle/numpy.js';
import { PickleError } from '../pickle/values.js';
import type { PickleValue } from '../pickle/values.js';

/** Lists nested deeper than this are not meant as arrays. */
const DEEPEST = 8;

/**
 * Converts numbers in any form that Python programs use: a numpy array, a PyTorch tensor, a number or boolean, or lists and
 * tuples of these with the same shape.
 *
 * @returns the array, or `undefined` if the value is something else
 * @throws {PickleError} if it takes more memory than the limit `arrayBytes`
 */
export function numberArray(value: PickleValue): NumberArray | undefined {
  if (value instanceof NdArray) {
    const { shape, values } = value;
    if (isNumbers(values)) return { shape, values };
  }
  const shape = shapeOf(value);
  if (shape === undefined) return undefined;
  const length = shape.reduce((product, size) => product * size, 1);
  // Checked before walking the lists: a short pickle can contain one list a thousand times, which contains another, and so on.
  const excess = excessOf('arrayBytes', 8 * length, `it contains lists of ${length} numbers, which take ${8 * length} bytes`);
  if (excess !== undefined) throw new PickleError(excess.message, excess.hint);
  const values = new Float64Array(length);
  return length === 0 || fill(value, shape, values, 0) ? { shape, values } : undefined;
}

/** The shape of nested lists by their first entries; `undefined` if the innermost entries are not numbers. */
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

/** The entries and the shape of a list or an array of objects. */
function entriesOf(value: PickleValue): { readonly shape: readonly number[]; readonly values: readonly PickleValue[] } | undefined {
  if (Array.isArray(value)) return { shape: [value.length], values: value };
  if (value instanceof NdArray && !isNumbers(value.values)) return { shape: value.shape, values: value.values };
  return undefined;
}

/** Writes a value of this shape to `target`, starting at `start`. Returns false if a part has another shape. */
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
