import type { OnnxNode } from '../../onnx/model.js';
import { intAttribute, intsAttribute } from '../../onnx/model.js';
import type { OperatorTraits } from '../../onnx/operators.js';
import { traitsOf } from '../../onnx/operators.js';
import type { GraphShapes } from '../../onnx/shapes/shapes.js';
import { sizeOf } from '../../onnx/tensor.js';

/** The positions on the image of the elements along an axis of a tensor. */
export interface GridAxis {
  /** Pixels of the image from one element to the next, before dilation. */
  readonly step: number;
  /** By which factor the axis has become finer. */
  readonly factor: number;
}

/** The axes of a tensor in order; `undefined` for an axis that is not spatial (batch, channels, pooled). */
export type Grid = readonly (GridAxis | undefined)[];

/** Whether an axis has become finer. */
export function isFiner(axis: GridAxis | undefined): axis is GridAxis {
  return axis !== undefined && axis.factor !== 1;
}

/** Inputs cannot be combined because their grids became finer by different factors. */
export class GridClash extends Error {}

/** The grid of a node's outputs, or `undefined` if the operator may depend on the size of the map in an unknown way. */
export type GridRule = (node: OnnxNode, inputs: readonly Grid[], shapes: GraphShapes) => Grid | undefined;

const sameAsFirst: GridRule = (_, [x]) => x;

/** The combined grid of several tensors, aligned at their last axes as in broadcasting. */
function merged(grids: readonly Grid[]): Grid {
  const rank = Math.max(...grids.map(({ length }) => length));
  return Array.from({ length: rank }, (_, i) => grids.map((grid) => grid[i - rank + grid.length]).reduce(together, undefined));
}

function together(a: GridAxis | undefined, b: GridAxis | undefined): GridAxis | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.factor !== b.factor) throw new GridClash(`its inputs become ${a.factor} and ${b.factor} times as fine`);
  return { step: Math.max(a.step, b.step), factor: a.factor };
}

const elementwise: GridRule = (_, inputs) => merged(inputs);

/** Whether none of these axes, along which an operator rearranges or cuts, is spatial. */
function leavesAlone(grid: Grid, axes: readonly number[] | undefined): boolean {
  return axes?.every((axis) => grid.at(axis) === undefined) === true;
}

function pooled(mean: boolean): GridRule {
  return (node, [x], shapes) => {
    const axes = node.inputs[1] ? shapes.values(node.inputs[1]) : x.map((_, i) => i);
    // A sum over positions grows with their number.
    if (axes === undefined || (!mean && axes.some((axis) => isFiner(x.at(axis))))) return undefined;
    const reduced = new Set(axes.map((axis) => (axis < 0 ? axis + x.length : axis)));
    const keep = intAttribute(node, 'keepdims', 1) === 1;
    return x.flatMap((axis, i) => (reduced.has(i) ? (keep ? [undefined] : []) : [axis]));
  };
}

const alongAxis: GridRule = (node, [x]) => (leavesAlone(x, [intAttribute(node, 'axis', -1)]) ? x : undefined);

const rulesByForm: ReadonlyMap<OperatorTraits['form'], GridRule> = new Map([['pointwise', sameAsFirst], ['broadcast', elementwise]]);

/** The rules of other operators that do the same on a finer map, except windows. */
const gridRules: ReadonlyMap<string, GridRule> = new Map(Object.entries<GridRule>({
  BatchNormalization: sameAsFirst, InstanceNormalization: sameAsFirst, LRN: sameAsFirst,
  Softmax: alongAxis, LogSoftmax: alongAxis,
  LayerNormalization: (node, [x]) => {
    const axis = intAttribute(node, 'axis', -1);
    return x.slice(axis).some(isFiner) ? undefined : x;
  },
  GlobalAveragePool: (_, [x]) => x.map(() => undefined),
  GlobalMaxPool: (_, [x]) => x.map(() => undefined),
  ReduceMean: pooled(true), ReduceMax: pooled(true), ReduceMin: pooled(true),
  ReduceSum: pooled(false), ReduceL2: pooled(false), ReduceProd: pooled(false),
  MatMul: (_, [a, b]) => (a.length >= 2 && leavesAlone(a, [-1]) && b.every((axis) => axis === undefined) ? a : undefined),
  Concat: (node, inputs) => {
    const axis = intAttribute(node, 'axis', 0);
    return inputs.every((grid) => leavesAlone(grid, [axis])) ? merged(inputs) : undefined;
  },
  Split: (node, [x]) => (leavesAlone(x, [intAttribute(node, 'axis', 0)]) ? x : undefined),
  Slice: (node, [x], shapes) => {
    const [, starts, , axes] = node.inputs;
    const first = shapes.dims(starts)?.[0] ?? x.length;
    return leavesAlone(x, axes ? shapes.values(axes) : x.slice(0, first).map((_, i) => i)) ? x : undefined;
  },
  Gather: (node, [x, indices]) => {
    const axis = intAttribute(node, 'axis', 0);
    const at = axis < 0 ? axis + x.length : axis;
    return leavesAlone(x, [at]) ? [...x.slice(0, at), ...indices, ...x.slice(at + 1)] : undefined;
  },
  Transpose: (node, [x]) => (intsAttribute(node, 'perm') ?? x.map((_, i) => x.length - 1 - i)).map((axis) => x[axis]),
  Unsqueeze: (node, [x], shapes) => {
    const axes = shapes.values(node.inputs[1]);
    if (axes === undefined) return undefined;
    const rank = x.length + axes.length;
    const grid: (GridAxis | undefined)[] = [...x];
    for (const axis of axes.map((at) => (at < 0 ? at + rank : at)).sort((a, b) => a - b)) grid.splice(axis, 0, undefined);
    return grid;
  },
  Squeeze: (node, [x], shapes) => {
    const axes = node.inputs[1] ? shapes.values(node.inputs[1]) : undefined;
    if (!leavesAlone(x, axes)) return undefined;
    const removed = new Set(axes!.map((axis) => (axis < 0 ? axis + x.length : axis)));
    return x.filter((_, i) => !removed.has(i));
  },
  // Channels are split or joined, rows and columns stay as they are (channel shuffle).
  Reshape: (node, [x], shapes) => {
    const [before, after] = [shapes.dims(node.inputs[0]), shapes.dims(node.outputs[0])];
    const first = x.findIndex((axis) => axis !== undefined);
    if (before === undefined || after === undefined || first === -1) return undefined;
    const split = after.length - (x.length - first);
    if (split < 1 || !sameCount(before.slice(0, first), after.slice(0, split))) return undefined;
    if (before.slice(first).some((dim, i) => dim !== after[split + i])) return undefined;
    return [...after.slice(0, split).map(() => undefined), ...x.slice(first)];
  },
}));

/** The rule of a node's operator, if it has one. */
export function gridRuleOf(node: OnnxNode): GridRule | undefined {
  return node.domain === '' ? gridRules.get(node.op) ?? rulesByForm.get(traitsOf(node).form) : undefined;
}

/** Whether two parts of shapes have the same number of elements; null is the batch. */
function sameCount(a: readonly (number | null)[], b: readonly (number | null)[]): boolean {
  const count = (dims: readonly (number | null)[]): number => sizeOf(dims.map((dim) => dim ?? 1));
  const free = (dims: readonly (number | null)[]): number => dims.filter((dim) => dim === null).length;
  return count(a) === count(b) && free(a) === free(b);
}
