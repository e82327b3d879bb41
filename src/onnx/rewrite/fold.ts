import { dequantized, quantized } from './dequantize.js';
import { isInteger, outputType } from '../shapes/element-types.js';
import { HostValue } from '../shapes/host-ops.js';
import { evaluate, inferNode, knownTensor } from '../shapes/infer.js';
import type { OnnxGraph, OnnxNode } from '../model.js';
import { constantTensor, intAttribute } from '../model.js';
import { traitsOf } from '../operators.js';
import { DataType, OnnxTensor } from '../tensor.js';

/** The largest number of elements to compute in a graph without large weights. */
const ROOM = 2 ** 24;
/** The same as a multiple of the graph's weights: standardising a weight takes five tensors of its size. */
const ROOM_PER_WEIGHT = 16;

/**
 * Computes everything that depends only on constants, so that every weight is an initializer: Constant nodes, weights that are
 * quantised or stored in half precision, and weights that are computed (as in weight standardisation). Operators that are not
 * supported here are left as they are.
 */
export function foldConstants(graph: OnnxGraph): OnnxGraph {
  const initializers = new Map(graph.initializers);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  // A few nodes could need more memory than there is.
  let room = Math.max(ROOM, ROOM_PER_WEIGHT * [...initializers.values()].reduce((sum, { size }) => sum + size, 0));
  const nodes = graph.nodes.filter((node) => {
    if (outputs.has(node.outputs[0])) return true;
    const tensors = resultsOrNothing(node, initializers, room);
    if (tensors === undefined || node.outputs.some((name, i) => name !== '' && tensors[i] === undefined)) return true;
    node.outputs.forEach((name, i) => { if (name !== '') initializers.set(name, tensors[i]); });
    if (!isView(node)) room -= tensors.reduce((sum, { size }) => sum + size, 0);
    return false;
  });
  return { ...graph, nodes, initializers };
}

/** Whether a node's result is a constant or a view of one. */
function isView(node: OnnxNode): boolean {
  return node.op === 'Constant' || node.op === 'Identity' || traitsOf(node).form === 'regroup';
}

/** Ignores a node that does not work on its inputs: shape inference reports what is wrong with it. */
function resultsOrNothing(...call: Parameters<typeof constantResults>): ReturnType<typeof constantResults> {
  try {
    return constantResults(...call);
  } catch {
    return undefined;
  }
}

function constantResults(node: OnnxNode, initializers: ReadonlyMap<string, OnnxTensor>, room: number): readonly OnnxTensor[] | undefined {
  if (node.domain !== '') return undefined;
  const single = constantTensor(node) ?? arranged(node, initializers) ?? integerWeight(node, initializers);
  if (single !== undefined) return [single];
  if (node.inputs.length === 0 || !node.inputs.every((name) => name === '' || initializers.has(name))) return undefined;
  return computed(node, node.inputs.map((name) => initializers.get(name)), room);
}

function integerWeight(node: OnnxNode, initializers: ReadonlyMap<string, OnnxTensor>): OnnxTensor | undefined {
  if (node.op === 'DequantizeLinear') return dequantized(node, initializers);
  if (node.op === 'QuantizeLinear') return quantized(node, initializers);
  const input = initializers.get(node.inputs[0]);
  const widened = node.op === 'Cast' && input?.type === DataType.float16 && intAttribute(node, 'to', 0) === DataType.float32;
  return widened ? OnnxTensor.float32(input.dims, input.toFloat32()) : undefined;
}

/** The same bytes in another shape, without a copy. */
function arranged(node: OnnxNode, initializers: ReadonlyMap<string, OnnxTensor>): OnnxTensor | undefined {
  const input = initializers.get(node.inputs[0]);
  if (input === undefined || !isView(node)) return undefined;
  if (node.op === 'Identity') return input;
  const second = initializers.get(node.inputs[1]);
  if (node.inputs[1] && second === undefined) return undefined;
  const [result] = inferNode(node, [{ dims: input.dims }, second && knownTensor(second)]) ?? [];
  return result && new OnnxTensor(result.dims, input.type, input.bytes);
}

/**
 * The outputs of a node on constants, computed in double precision and rounded to the element type. Floats differ from those of
 * a runtime only by its rounding.
 */
function computed(node: OnnxNode, inputs: readonly (OnnxTensor | undefined)[], room: number): OnnxTensor[] | undefined {
  const type = outputType(node, inputs.map((tensor) => tensor?.type));
  const make = type === undefined ? undefined : makers.get(type);
  const readable = inputs.every((tensor) => tensor === undefined || makers.has(tensor.type));
  if (type === undefined || make === undefined || !readable) return undefined;
  const values = evaluate(node, inputs.map((tensor) => tensor && hostValue(tensor)), isInteger(type), room);
  return values?.map((value) => new OnnxTensor(value.dims, type, make(value.data)));
}

function hostValue(tensor: OnnxTensor): HostValue {
  return new HostValue(tensor.dims, Float64Array.from(tensor.type === DataType.float32 ? tensor.toFloat32() : tensor.toNumbers()));
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength);

/** Encodes numbers, for each supported element type. */
const makers: ReadonlyMap<DataType, (data: Float64Array) => Uint8Array> = new Map([
  [DataType.float32, (data: Float64Array) => bytesOf(Float32Array.from(data))],
  [DataType.float64, bytesOf],
  [DataType.int64, (data: Float64Array) => bytesOf(BigInt64Array.from(data, (value) => BigInt(Math.trunc(value))))],
  [DataType.int32, (data: Float64Array) => bytesOf(Int32Array.from(data))],
  [DataType.bool, (data: Float64Array) => Uint8Array.from(data, (value) => (value === 0 ? 0 : 1))],
]);
