import { sizeOf } from '../../onnx/tensor.js';
import { HostValue } from './value.js';

/** Row-major steps of a shape. */
function strides(dims: readonly number[]): number[] {
  const steps = new Array<number>(dims.length);
  let step = 1;
  for (let i = dims.length - 1; i >= 0; i--) {
    steps[i] = step;
    step *= dims[i];
  }
  return steps;
}

/** The shape that shapes broadcast to, by numpy's rules. */
export function broadcastDims(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((dims) => dims.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map((dims) => dims[i - rank + dims.length] ?? 1);
    const size = sizes.find((dim) => dim !== 1) ?? 1;
    if (sizes.some((dim) => dim !== 1 && dim !== size)) throw new RangeError(`shapes ${shapes.map((dims) => `[${dims.join(', ')}]`).join(' and ')} do not broadcast`);
    return size;
  });
}

/** Makes an array of a shape from the index of each of its elements. */
function build(dims: readonly number[], at: (index: readonly number[]) => number): HostValue {
  const steps = strides(dims);
  const data = Array.from({ length: sizeOf(dims) }, (_, flat) => at(dims.map((dim, i) => Math.floor(flat / steps[i]) % dim)));
  return new HostValue(dims, data);
}

/** The element of an array that is broadcast to a larger shape. */
function reader({ dims, data }: HostValue): (index: readonly number[]) => number {
  const steps = strides(dims);
  return (index) => {
    const lead = index.length - dims.length;
    return data[dims.reduce((sum, dim, i) => sum + (dim === 1 ? 0 : index[lead + i] * steps[i]), 0)];
  };
}

/** Element by element, with broadcasting. */
export function hostMap(values: readonly HostValue[], f: (...numbers: number[]) => number): HostValue {
  const reads = values.map(reader);
  return build(broadcastDims(...values.map(({ dims }) => dims)), (index) => f(...reads.map((read) => read(index))));
}

export function hostExpand(value: HostValue, dims: readonly number[]): HostValue {
  return build(broadcastDims(value.dims, dims), reader(value));
}

export function hostConcat(values: readonly HostValue[], axis: number): HostValue {
  const dims = [...values[0].dims];
  dims[axis] = values.reduce((sum, value) => sum + value.dims[axis], 0);
  const reads = values.map(reader);
  return build(dims, (index) => {
    let [which, at] = [0, index[axis]];
    while (at >= values[which].dims[axis]) at -= values[which++].dims[axis];
    return reads[which](index.map((i, a) => (a === axis ? at : i)));
  });
}

export function hostGather(value: HostValue, indices: HostValue, axis: number): HostValue {
  const read = reader(value);
  const readIndex = reader(indices);
  const dims = [...value.dims.slice(0, axis), ...indices.dims, ...value.dims.slice(axis + 1)];
  return build(dims, (index) => {
    const chosen = readIndex(index.slice(axis, axis + indices.dims.length));
    return read([...index.slice(0, axis), chosen < 0 ? chosen + value.dims[axis] : chosen, ...index.slice(axis + indices.dims.length)]);
  });
}

export function hostTranspose(value: HostValue, perm: readonly number[]): HostValue {
  const read = reader(value);
  return build(perm.map((axis) => value.dims[axis]), (index) => {
    const from = new Array<number>(perm.length);
    perm.forEach((axis, i) => { from[axis] = index[i]; });
    return read(from);
  });
}

/** One slice per axis: where it begins, how many elements, and the step. */
export function hostSlice(value: HostValue, starts: readonly number[], sizes: readonly number[], steps: readonly number[]): HostValue {
  const read = reader(value);
  return build(sizes, (index) => read(index.map((i, axis) => starts[axis] + i * steps[axis])));
}

export function hostReduce(
  value: HostValue, axes: readonly number[], keepdims: boolean, f: (a: number, b: number) => number, initial: number,
): HostValue {
  const dims = value.dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  const data = new Array<number>(sizeOf(dims)).fill(initial);
  const to = strides(dims);
  const from = strides(value.dims);
  value.data.forEach((number, flat) => {
    const at = value.dims.reduce((sum, dim, axis) => sum + (axes.includes(axis) ? 0 : (Math.floor(flat / from[axis]) % dim) * to[axis]), 0);
    data[at] = f(data[at], number);
  });
  return new HostValue(keepdims ? dims : dims.filter((_, axis) => !axes.includes(axis)), data);
}
