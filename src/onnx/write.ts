import type protobuf from 'protobufjs';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../jobs/files.js';
import type { Attribute, OnnxModel, OnnxValueInfo } from './model.js';
import type { ProtoAttribute, ProtoModel, ProtoTensor, ProtoValueInfo } from './proto.js';
import { ModelType } from './proto.js';
import type { OnnxTensor } from './tensor.js';

/** Protobuf's limit for one message. */
const MAX_BYTES = 2 ** 31 - 1;

/**
 * Serialises a model. Weights are copied once, into the result.
 *
 * @throws UserError above protobuf's limit of 2 GB
 */
export function serializeModel(model: OnnxModel): Uint8Array {
  const writer = ModelType.encode(toProto(model) as unknown as protobuf.Message);
  if (writer.len > MAX_BYTES) {
    throw new UserError(`the model would take ${(writer.len / 2 ** 30).toFixed(2)} GiB; an ONNX file holds 2 GB at the most`);
  }
  return writer.finish();
}

/** Serialises a model to a file: complete or not at all. */
export async function writeModel(path: string, model: OnnxModel): Promise<void> {
  await writeFileAtomic(path, serializeModel(model));
}

function toProto(model: OnnxModel): ProtoModel {
  const { graph } = model;
  return {
    ir_version: model.irVersion,
    opset_import: [{ domain: '', version: model.opset }, ...[...model.otherOpsets].map(([domain, version]) => ({ domain, version }))],
    producer_name: model.producer,
    metadata_props: [...model.metadata].map(([key, value]) => ({ key, value })),
    graph: {
      name: graph.name === '' ? 'graph' : graph.name,
      node: graph.nodes.map((node) => ({
        name: node.name,
        op_type: node.op,
        domain: node.domain,
        input: [...node.inputs],
        output: [...node.outputs],
        attribute: Object.entries(node.attributes).map(([name, value]) => writeAttribute(name, value)),
      })),
      initializer: [...graph.initializers].map(([name, tensor]) => writeTensor(name, tensor)),
      input: graph.inputs.map(writeValueInfo),
      output: graph.outputs.map(writeValueInfo),
    },
  };
}

const text = new TextEncoder();

function writeAttribute(name: string, attribute: Attribute): ProtoAttribute {
  switch (attribute.kind) {
    case 'float': return { name, type: 1, f: attribute.value };
    case 'int': return { name, type: 2, i: attribute.value };
    case 'string': return { name, type: 3, s: text.encode(attribute.value) };
    case 'tensor': return { name, type: 4, t: writeTensor('', attribute.value) };
    case 'graph': return { name, type: 5, g: attribute.value };
    case 'floats': return { name, type: 6, floats: [...attribute.value] };
    case 'ints': return { name, type: 7, ints: [...attribute.value] };
    case 'strings': return { name, type: 8, strings: attribute.value.map((value) => text.encode(value)) };
  }
}

function writeTensor(name: string, tensor: OnnxTensor): ProtoTensor {
  return { name, dims: [...tensor.dims], data_type: tensor.type, raw_data: tensor.bytes };
}

function writeValueInfo({ name, type, shape }: OnnxValueInfo): ProtoValueInfo {
  const dim = shape?.map((value) => {
    if (value === null) return {};
    return typeof value === 'number' ? { dim_value: value } : { dim_param: value };
  });
  return { name, type: { tensor_type: { elem_type: type, ...(dim === undefined ? {} : { shape: { dim } }) } } };
}
