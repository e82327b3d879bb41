import { broadcastDims } from './tensor-info.js';
import { sizeOf } from '../tensor.js';

/**
 * A tensor that is computed in JavaScript, in row-major order. It is used for shapes, axes and indices, which are exact up to
 * 2^53 (TensorFlow.js has no 64-bit integers), and for constants while a graph is prepared.
 */
export class HostValue {
  constructor(readonly dims: readonly number[], readonly data: Float64Array) {
    if (sizeOf(dims) !== data.length) throw new RangeError(`${data.length} numbers do not fit the shape [${dims.join(', ')}]`);
  }

  static of(dims: readonly number[], numbers: readonly number[]): HostValue {
    return new HostValue(dims, Float64Array.from(numbers));
  }

  /** The elements of a small tensor. */
  get numbers(): number[] {
    return Array.from(this.data);
  }
}

/** The distance of neighbours along each axis in a flat, row-major array. */
export function stepsOf(dims: readonly number[]): number[] {
  const steps = new Array<number>(dims.length);
  for (let axis = dims.length - 1, step = 1; axis >= 0; axis--) {
    steps[axis] = step;
    step *= dims[axis];
  }
  return steps;
}

/** Calls `visit` with the position `start + sum index * step` of every index of a shape, in row-major order. */
export function walk(dims: readonly number[], steps: readonly number[], start: number, visit: (position: number, flat: number) => void): void {
  const size = sizeOf(dims);
  const index = new Array<number>(dims.length).fill(0);
  let position = start;
  for (let flat = 0; flat < size; flat++) {
    visit(position, flat);
    // Count up like an odometer, the last axis fastest.
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      position += steps[axis];
      if (++index[axis] < dims[axis]) break;
      position -= dims[axis] * steps[axis];
      index[axis] = 0;
    }
  }
}

/** A tensor of the given shape with the elements at regular steps. */
function view({ data }: HostValue, dims: readonly number[], steps: readonly number[], start = 0): HostValue {
  const result = new Float64Array(sizeOf(dims));
  walk(dims, steps, start, (position, flat) => { result[flat] = data[position]; });
  return new HostValue(dims, result);
}

export function hostExpand(value: HostValue, shape: readonly number[]): HostValue {
  const dims = broadcastDims(value.dims, shape);
  let { data } = value;
  // From the last axis to the first, repeat each block.
  for (let axis = dims.length - 1, own = value.dims.length - 1, block = 1; axis >= 0; axis--, own--) {
    const size = own < 0 ? 1 : value.dims[own];
    if (size !== dims[axis]) data = blocksRepeated(data, block, dims[axis]);
    block *= dims[axis];
  }
  return new HostValue(dims, data);
}

function blocksRepeated(data: Float64Array, block: number, times: number): Float64Array {
  const result = new Float64Array(data.length * times);
  for (let from = 0, to = 0; from < data.length; from += block) {
    for (let i = 0; i < times; i++, to += block) result.set(data.subarray(from, from + block), to);
  }
  return result;
}

/** Element by element, with broadcasting. */
export function hostMap(values: readonly HostValue[], f: (...numbers: number[]) => number): HostValue {
  const dims = values.map((value) => value.dims).reduce(broadcastDims);
  if (values.length === 1) return new HostValue(dims, values[0].data.map((x) => f(x)));
  const spread = values.map((value) => hostExpand(value, dims).data);
  const [a, b] = spread;
  const result = new Float64Array(a.length);
  if (spread.length === 2) for (let i = 0; i < result.length; i++) result[i] = f(a[i], b[i]);
  else for (let i = 0; i < result.length; i++) result[i] = f(...spread.map((data) => data[i]));
  return new HostValue(dims, result);
}

export function hostConcat(values: readonly HostValue[], axis: number): HostValue {
  const dims = [...values[0].dims];
  dims[axis] = values.reduce((sum, value) => sum + value.dims[axis], 0);
  const result = new Float64Array(sizeOf(dims));
  const rows = sizeOf(dims.slice(0, axis));
  const width = rows === 0 ? 0 : result.length / rows;
  let offset = 0;
  for (const { data } of values) {
    const own = data.length / rows;
    for (let row = 0; row < rows; row++) result.set(data.subarray(row * own, (row + 1) * own), row * width + offset);
    offset += own;
  }
  return new HostValue(dims, result);
}

export function hostGather(value: HostValue, indices: HostValue, axis: number): HostValue {
  const before = value.dims.slice(0, axis);
  const after = value.dims.slice(axis + 1);
  const [rows, width, size] = [sizeOf(before), sizeOf(after), value.dims[axis]];
  const result = new Float64Array(rows * indices.data.length * width);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (const index of indices.data) {
      const start = (row * size + (index < 0 ? index + size : index)) * width;
      result.set(value.data.subarray(start, start + width), at);
      at += width;
    }
  }
  return new HostValue([...before, ...indices.dims, ...after], result);
}

export function hostTranspose(value: HostValue, perm: readonly number[]): HostValue {
  const steps = stepsOf(value.dims);
  return view(value, perm.map((axis) => value.dims[axis]), perm.map((axis) => steps[axis]));
}

/** One axis of a Slice: its first index, its number of elements and its step. */
export interface SliceAxis {
  readonly start: number;
  readonly size: number;
  readonly step: number;
}

/**
 * The part of each axis that ONNX's Slice selects.
 *
 * @param dims of the data
 * @param axes the axes that `starts`, `ends` and `steps` are for
 */
export function sliceAxes(
  dims: readonly number[], starts: readonly number[], ends: readonly number[], axes: readonly number[], steps: readonly number[],
): SliceAxis[] {
  return dims.map((dim, axis) => {
    const i = axes.findIndex((each) => (each < 0 ? each + dims.length : each) === axis);
    if (i < 0) return { start: 0, size: dim, step: 1 };
    const step = steps[i] ?? 1;
    const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value < 0 ? value + dim : value, low), high);
    const start = step > 0 ? clamp(starts[i], 0, dim) : clamp(starts[i], 0, dim - 1);
    const end = step > 0 ? clamp(ends[i], 0, dim) : clamp(ends[i], -1, dim - 1);
    return { start, size: Math.max(0, Math.ceil((end - start) / step)), step };
  });
}

export function hostSlice(value: HostValue, axes: readonly SliceAxis[]): HostValue {
  const own = stepsOf(value.dims);
  const start = own.reduce((sum, step, axis) => sum + step * axes[axis].start, 0);
  return view(value, axes.map(({ size }) => size), own.map((step, axis) => step * axes[axis].step), start);
}

export function hostReduce(
  value: HostValue, axes: readonly number[], keepdims: boolean, f: (a: number, b: number) => number, initial: number,
): HostValue {
  const dims = value.dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  const result = new Float64Array(sizeOf(dims)).fill(initial);
  const steps = stepsOf(dims).map((step, axis) => (axes.includes(axis) ? 0 : step));
  walk(value.dims, steps, 0, (position, flat) => { result[position] = f(result[position], value.data[flat]); });
  return new HostValue(keepdims ? dims : dims.filter((_, axis) => !axes.includes(axis)), result);
}

/** A tensor padded with a constant. */
export function hostPad(value: HostValue, begins: readonly number[], dims: readonly number[], filling: number): HostValue {
  const result = new Float64Array(sizeOf(dims)).fill(filling);
  const steps = stepsOf(dims);
  const first = steps.reduce((start, step, axis) => start + step * begins[axis], 0);
  walk(value.dims, steps, first, (position, flat) => { result[position] = value.data[flat]; });
  return new HostValue(dims, result);
}
