import { UserError } from '../../errors.js';
import type { OnnxNode } from '../model.js';
import type { DataType } from '../tensor.js';

/** What is known of a tensor for one concrete input size: its shape, and, for small constants and shape arithmetic, its numbers. */
export interface TensorInfo {
  readonly dims: readonly number[];
  readonly values?: readonly number[];
  /** The element type where it is known, as it is of constants: integers are divided without a rest. */
  readonly type?: DataType;
}

/** Values are followed through the graph up to this many elements: enough for shapes, axes and limits. */
export const MAX_VALUES = 256;

/** What is known of a node's inputs; `undefined` where one is left out or nothing is known. */
export type Inputs = readonly (TensorInfo | undefined)[];

/** What is known of a node's outputs, or `undefined` where an input that this needs is not known. */
export type ShapeRule = (node: OnnxNode, inputs: Inputs) => TensorInfo | readonly TensorInfo[] | undefined;

/** The shape of two shapes broadcast against each other. */
export function broadcastDims(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new UserError(`shapes [${a.join(', ')}] and [${b.join(', ')}] do not broadcast`);
    return x === 1 ? y : x;
  });
}

/** The axes that a small tensor names, counted from the first. */
export function axesOf(axes: TensorInfo | undefined, rank: number): number[] | undefined {
  return axes?.values?.map((axis) => (axis < 0 ? axis + rank : axis));
}
