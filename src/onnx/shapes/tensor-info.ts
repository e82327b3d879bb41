import { UserError } from '../../errors.js';
import type { OnnxNode } from '../model.js';
import type { DataType } from '../tensor.js';

/** What is known about a tensor for one concrete input size: its shape, and for small constants and shape arithmetic its values. */
export interface TensorInfo {
  readonly dims: readonly number[];
  readonly values?: readonly number[];
  /** The element type, if it is known. (Integer division differs from float division.) */
  readonly type?: DataType;
}

/** Values are tracked up to this number of elements: enough for shapes, axes and limits. */
export const MAX_VALUES = 256;

/** What is known about a node's inputs; `undefined` if an input is left out or not known. */
export type Inputs = readonly (TensorInfo | undefined)[];

/** Infers a node's outputs; `undefined` if an input that this needs is not known. */
export type ShapeRule = (node: OnnxNode, inputs: Inputs) => TensorInfo | readonly TensorInfo[] | undefined;

/** The shape that two shapes broadcast to. */
export function broadcastDims(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new UserError(`shapes [${a.join(', ')}] and [${b.join(', ')}] cannot be broadcast`);
    return x === 1 ? y : x;
  });
}

/** The axes in a small tensor, counted from the first. */
export function axesOf(axes: TensorInfo | undefined, rank: number): number[] | undefined {
  return axes?.values?.map((axis) => (axis < 0 ? axis + rank : axis));
}
