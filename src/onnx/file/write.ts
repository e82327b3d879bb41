import protobuf from 'protobufjs';
import { UserError } from '../../errors.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import type { Attribute, OnnxGraph, OnnxModel, OnnxValueInfo } from '../model.js';
import type { ProtoAttribute, ProtoGraph, ProtoModel, ProtoTensor, ProtoValueInfo } from '../proto.js';
import { GraphType, ModelType, TensorType } from '../proto.js';
import type { OnnxTensor } from '../tensor.js';

/** Protobuf's limit for one message. */
const MAX_BYTES = 2 ** 31 - 1;

/**
 * Serialises a model. protobufjs encodes everything except the weights, and the pieces are joined here. So the weights are
 * copied only once; protobufjs would copy them each time its buffer grows.
 *
 * @throws UserError if the model is larger than protobuf's limit of 2 GB
 */
export function serializeModel(model: OnnxModel): Uint8Array {
  const { graph } = model;
  const pieces = [encode(GraphType, graphProto(graph))];
  for (const [name, tensor] of graph.initializers) {
    const header = encode(TensorType, tensorProto(name, tensor));
    const data = fieldStart(TensorType, 'raw_data', tensor.bytes.byteLength);
    pieces.push(fieldStart(GraphType, 'initializer', totalLength([header, data, tensor.bytes])), header, data, tensor.bytes);
  }
  pieces.unshift(encode(ModelType, modelProto(model)), fieldStart(ModelType, 'graph', totalLength(pieces)));
  const length = totalLength(pieces);
  if (length > MAX_BYTES) {
    throw new UserError(`the model would have ${(length / 2 ** 30).toFixed(2)} GiB, but an ONNX file is limited to 2 GB`);
  }
  const result = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    result.set(piece, at);
    at += piece.byteLength;
  }
  return result;
}

function totalLength(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function encode(type: protobuf.Type, message: object): Uint8Array {
  return type.encode(message).finish();
}

/** The bytes before the content of a length-delimited field: its number, its wire type (2) and its length. */
function fieldStart(type: protobuf.Type, field: string, length: number): Uint8Array {
  return protobuf.Writer.create().uint32((type.fields[field].id << 3) | 2).uint32(length).finish();
}

/** Writes a model to a file atomically. */
export async function writeModel(path: string, model: OnnxModel): Promise<void> {
  await writeFileAtomic(path, serializeModel(model));
}

/** A model without its graph. */
function modelProto(model: OnnxModel): ProtoModel {
  return {
    ir_version: model.irVersion,
    opset_import: [{ domain: '', version: model.opset }, ...[...model.otherOpsets].map(([domain, version]) => ({ domain, version }))],
    producer_name: model.producer,
    metadata_props: [...model.metadata].map(([key, value]) => ({ key, value })),
  };
}

/** A graph without its initializers. */
function graphProto(graph: OnnxGraph): ProtoGraph {
  return {
    name: graph.name === '' ? 'graph' : graph.name,
    node: graph.nodes.map((node) => ({
      name: node.name,
      op_type: node.op,
      domain: node.domain,
      input: [...node.inputs],
      output: [...node.outputs],
      attribute: Object.entries(node.attributes).map(([name, value]) => writeAttribute(name, value)),
    })),
    input: graph.inputs.map(writeValueInfo),
    output: graph.outputs.map(writeValueInfo),
  };
}

/** A tensor without its elements. */
function tensorProto(name: string, { dims, type }: OnnxTensor): ProtoTensor {
  return { name, dims: [...dims], data_type: type };
}

const text = new TextEncoder();

function writeAttribute(name: string, attribute: Attribute): ProtoAttribute {
  switch (attribute.kind) {
    case 'float': return { name, type: 1, f: attribute.value };
    case 'int': return { name, type: 2, i: attribute.value };
    case 'string': return { name, type: 3, s: text.encode(attribute.value) };
    case 'tensor': return { name, type: 4, t: { ...tensorProto('', attribute.value), raw_data: attribute.value.bytes } };
    case 'graph': return { name, type: 5, g: attribute.value };
    case 'floats': return { name, type: 6, floats: [...attribute.value] };
    case 'ints': return { name, type: 7, ints: [...attribute.value] };
    case 'strings': return { name, type: 8, strings: attribute.value.map((value) => text.encode(value)) };
  }
}

function writeValueInfo({ name, type, shape }: OnnxValueInfo): ProtoValueInfo {
  const dim = shape?.map((value) => {
    if (value === null) return {};
    return typeof value === 'number' ? { dim_value: value } : { dim_param: value };
  });
  return { name, type: { tensor_type: { elem_type: type, ...(dim === undefined ? {} : { shape: { dim } }) } } };
}
