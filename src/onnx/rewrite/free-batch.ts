import { UserError } from '../../errors.js';
import { hasShapeRule, inferNode, knownTensor } from '../shapes/infer.js';
import type { TensorInfo } from '../shapes/tensor-info.js';
import type { OnnxGraph, OnnxNode } from '../model.js';
import { describeNode } from '../model.js';
import type { Size } from '../../size.js';
import { OnnxTensor, sizeOf } from '../tensor.js';

/** A graph that takes any number of images. */
export interface FreedBatch {
  readonly graph: OnnxGraph;
  /** The batch size that the file declares, if it is larger than 1. */
  readonly declaredBatch: number | undefined;
}

/** The size to infer shapes at if a graph declares a free image size. */
const SOME_SIZE: Size = [256, 320];

/**
 * Frees the batch of a graph that declares a fixed batch size above 1. The dimension becomes symbolic, and it is removed from
 * the constant shapes of Reshape and from constants that are repeated for every image.
 *
 * @param graph with its constants folded
 * @param target the tensor of interest; its first dimension must be the batch
 * @throws UserError if something in the graph depends on the batch size
 */
export function withFreeBatch(graph: OnnxGraph, target: string): FreedBatch {
  const [input] = graph.inputs;
  const batch = input?.shape?.[0];
  if (graph.inputs.length !== 1 || input.shape?.length !== 4 || typeof batch !== 'number' || batch <= 1) return { graph, declaredBatch: undefined };
  const [, ...dims] = input.shape.map((dim, axis) => (typeof dim === 'number' ? dim : axis === 1 ? 3 : SOME_SIZE[axis - 2]));
  try {
    const freed = rewritten({ ...graph, inputs: [{ ...input, shape: ['N', ...input.shape.slice(1)] }] }, input.name, batch, dims, target);
    return { graph: freed, declaredBatch: batch };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`the model only works on ${batch} images at once: ${error.message}`, 'export it with a free batch or a batch of 1', { cause: error });
  }
}

/** What is known about a tensor for the declared batch size and for another one. */
type Both = readonly [declared: TensorInfo | undefined, other: TensorInfo | undefined];

function rewritten(graph: OnnxGraph, image: string, batch: number, dims: readonly number[], target: string): OnnxGraph {
  // A dimension that does not double does not depend on the batch.
  const batches = [batch, 2 * batch];
  const known = new Map<string, Both>();
  for (const [name, tensor] of graph.initializers) known.set(name, [knownTensor(tensor), knownTensor(tensor)]);
  known.set(image, [{ dims: [batch, ...dims] }, { dims: [2 * batch, ...dims] }]);
  const initializers = new Map(graph.initializers);
  const nodes: OnnxNode[] = [];
  const freeSize = graph.inputs[0].shape!.slice(2).some((dim) => typeof dim !== 'number');
  const shapeOf = (name: string, side: 0 | 1): readonly number[] | undefined => known.get(name)?.[side]?.dims;
  const add = (name: string, tensor: OnnxTensor): string => {
    initializers.set(name, tensor);
    known.set(name, [knownTensor(tensor), knownTensor(tensor)]);
    return name;
  };
  /** Reduces a constant that is the same for every image to one image. For Concat it is repeated for every image in the graph. */
  const perImage = (name: string, node: OnnxNode): string => {
    const tensor = graph.initializers.get(name);
    const row = tensor?.dims[0] === batch && tensor.dims.length > 1 ? sharedRow(tensor) : undefined;
    const other = node.inputs.map((each) => [shapeOf(each, 0) ?? [], shapeOf(each, 1) ?? []] as const)
      .some(([before, after]) => before.length === tensor?.dims.length && batchAxis(before, after) === 0);
    if (row === undefined || !other) return name;
    const [once, rest, size, shape, repeated] = ['once', 'rest', 'batch', 'shape', 'repeated'].map((part) => `freed/${node.outputs[0]}/${name}/${part}`);
    add(once, row);
    if (node.op !== 'Concat') return once;
    const int = (value: number) => ({ kind: 'int', value } as const);
    const made = (op: string, inputs: string[], output: string, attributes: OnnxNode['attributes']): void => {
      nodes.push({ name: output, op, domain: '', inputs, outputs: [output], attributes });
    };
    made('Shape', [image], size, { start: int(0), end: int(1) });
    made('Concat', [size, add(rest, vector(row.dims.slice(1)))], shape, { axis: int(0) });
    made('Expand', [once, shape], repeated, {});
    return repeated;
  };
  const freed = (node: OnnxNode): OnnxNode => {
    if (elementwise.has(node.op) || node.op === 'Concat') return { ...node, inputs: node.inputs.map((name) => perImage(name, node)) };
    if (node.op !== 'Reshape') return node;
    const [x, shape] = node.inputs;
    const constant = graph.initializers.get(shape ?? '')?.toNumbers();
    const [before, after] = [shapeOf(x, 0), shapeOf(x, 1)];
    const to = constant && before && after && freedShape(before, after, constant, batch);
    if (to === undefined) return node;
    if (freeSize && to.some((dim, i) => dim > 0 && constant![i] === -1)) throw new UserError(`${describeNode(node)} needs a fixed batch size, because the image size is free`);
    return { ...node, inputs: [x, add(`freed/${node.outputs[0]}/shape`, vector(to))] };
  };
  for (const given of graph.nodes) {
    const first = nodes.length;
    const node = freed(given);
    nodes.push(node);
    for (const added of nodes.slice(first)) {
      const results = batches.map((_, side) => inferNode(added, added.inputs.map((name) => (name === '' ? undefined : known.get(name)?.[side]))));
      if (results.includes(undefined)) {
        if (hasShapeRule(added)) continue;
        throw new UserError(`${describeNode(added)} may depend on the batch size`);
      }
      added.outputs.forEach((name, i) => known.set(name, [results[0]![i], results[1]![i]]));
      requireTraceable(added, known, batch);
    }
  }
  const outputs = graph.outputs.map((output) => ({ ...output, shape: output.shape?.map((dim, axis) => (axis === 0 && dim === batch ? 'N' : dim)) }));
  const result = { ...graph, nodes, initializers, outputs };
  if (shapeOf(target, 0)?.[0] !== batch || shapeOf(target, 1)?.[0] !== 2 * batch) throw new UserError(`'${target}' does not have one row per image`);
  return result;
}

const elementwise = new Set(['Add', 'Sub', 'Mul', 'Div']);

const vector = (values: readonly number[]): OnnxTensor => OnnxTensor.int64([values.length], values);

/** One row of a tensor, [1, ...], if all rows are equal. */
function sharedRow({ dims, type, bytes }: OnnxTensor): OnnxTensor | undefined {
  const length = bytes.byteLength / dims[0];
  const row = bytes.subarray(0, length);
  const same = bytes.every((byte, i) => byte === row[i % length]);
  return same ? new OnnxTensor([1, ...dims.slice(1)], type, row) : undefined;
}

/** The axis of a tensor that grows with the batch: -1 for none, `undefined` if several do, or one does not grow in proportion. */
function batchAxis(before: readonly number[], after: readonly number[]): number | undefined {
  const grown = before.flatMap((dim, axis) => (dim === after[axis] ? [] : [axis]));
  if (grown.length === 0) return -1;
  return grown.length === 1 && after[grown[0]] === 2 * before[grown[0]] ? grown[0] : undefined;
}

/**
 * A shape for Reshape that replaces a constant one and fits any batch. In row-major order, the batch axis has the same number of
 * elements in front of it before and after the Reshape.
 *
 * @returns `undefined` if the constant fits already
 */
function freedShape(before: readonly number[], after: readonly number[], constant: readonly number[], batch: number): number[] | undefined {
  const axis = batchAxis(before, after);
  if (axis === -1 || axis === undefined) return undefined;
  const full = constant.map((dim, i) => (dim === 0 ? before[i] : dim));
  const rest = sizeOf(before) / sizeOf(full.filter((dim) => dim !== -1));
  const dims = full.map((dim) => (dim === -1 ? rest : dim));
  const ahead = sizeOf(before.slice(0, axis));
  const place = dims.findIndex((dim, i) => sizeOf(dims.slice(0, i)) === ahead && dim % batch === 0);
  if (place < 0 || constant[place] === -1 || (constant[place] === 0 && place === axis)) return undefined;
  // The size of another axis may depend on the image, and there can be only one -1: copy this one.
  if (constant.includes(-1) && place === axis && dims[place] === before[axis]) return constant.map((dim, i) => (i === place ? 0 : dim));
  return dims.map((dim, i) => (i === place ? -1 : constant[i] === 0 ? 0 : dim));
}

/** Requires that the batch stays a separate axis, or the outer part of one, when the shape of a tensor changes. */
function requireTraceable(node: OnnxNode, known: ReadonlyMap<string, Both>, batch: number): void {
  const regroups = node.op === 'Reshape' || node.op === 'Flatten';
  for (const name of node.outputs) {
    const [before, after] = known.get(name) ?? [];
    if (before === undefined || after === undefined) continue;
    // These are computed from a shape.
    if (before.values !== undefined && after.values !== undefined) continue;
    const axis = batchAxis(before.dims, after.dims);
    if (axis === undefined) throw new UserError(`${describeNode(node)} mixes its images`);
    if (!regroups) continue;
    const [from, grown] = known.get(node.inputs[0])!.map((each) => each!.dims);
    const source = batchAxis(from, grown);
    if (source === undefined || source < 0) continue;
    const kept = axis >= 0 && sizeOf(before.dims.slice(0, axis)) === sizeOf(from.slice(0, source)) && before.dims[axis] % batch === 0;
    if (!kept) throw new UserError(`${describeNode(node)} mixes its images`);
  }
}
