import { messageOf, UserError } from '../../errors.js';
import { readRegularFile } from '../../jobs/files/read-file.js';
import type { Attribute, OnnxModel, OnnxNode, OnnxValueInfo } from '../model.js';
import { inOrder } from './order.js';
import type { ProtoAttribute, ProtoEntry, ProtoModel, ProtoNode, ProtoTensor, ProtoValueInfo } from '../proto.js';
import { ModelType, protoNumber } from '../proto.js';
import { loadSideFiles } from './side-files.js';
import { bytesPerElement, DataType, dataTypeName, OnnxTensor, sizeOf } from '../tensor.js';

/**
 * Reads an ONNX file of up to 2 GB. The weights are views of the file's buffer. Weights in side files (ONNX's external
 * data) are read from the model's folder.
 *
 * @throws UserError if the file cannot be read, is not a valid ONNX model, or uses unsupported features (local functions)
 */
export async function readModel(path: string): Promise<OnnxModel> {
  let bytes: Uint8Array;
  try {
    bytes = await readRegularFile(path);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw new UserError(`there is no model file at ${path}`);
    if (code === 'ERR_FS_FILE_TOO_LARGE') throw new UserError(`${path} is larger than 2 GB`, 'save its weights as ONNX external data');
    throw new UserError(`cannot read the model ${path}: ${messageOf(error)}`, undefined, { cause: error });
  }
  const proto = decode(bytes, path);
  const sideFiles = await loadSideFiles(proto, path);
  return { ...fromProto(proto, path), ...sideFiles.length > 0 && { sideFiles } };
}

/**
 * Parses the bytes of an ONNX file. The weights of the result are views of `bytes`.
 *
 * @param name the model's name in messages
 * @throws UserError like {@link readModel}, and if weights are in side files
 */
export function parseModel(bytes: Uint8Array, name = 'the model'): OnnxModel {
  return fromProto(decode(bytes, name), name);
}

function decode(bytes: Uint8Array, name: string): ProtoModel {
  let proto: ProtoModel;
  try {
    proto = ModelType.decode(bytes) as unknown as ProtoModel;
  } catch (error) {
    throw new UserError(`${name} is not a readable ONNX model: ${messageOf(error)}`, 'is the file complete, and is it ONNX?', { cause: error });
  }
  if (!proto.graph?.node?.length) throw new UserError(`${name} contains no ONNX graph`, 'is the file complete, and is it ONNX?');
  return proto;
}

function fromProto(proto: ProtoModel, name: string): OnnxModel {
  const graph = proto.graph!;
  if (proto.functions?.length) {
    throw new UserError(`${name} uses local functions (${proto.functions[0].name}), which are not supported`, 'inline them first, for example with onnx.inliner');
  }
  if (graph.sparse_initializer?.length) throw new UserError(`${name} has sparse weights, which are not supported`);
  const opsets = new Map((proto.opset_import ?? []).map(({ domain, version }) => [domain === 'ai.onnx' ? '' : domain ?? '', protoNumber(version)]));
  const opset = opsets.get('') ?? 1;
  opsets.delete('');
  const initializers = new Map((graph.initializer ?? []).map((tensor) => [tensor.name ?? '', readTensor(tensor, name)]));
  return {
    irVersion: protoNumber(proto.ir_version),
    opset,
    otherOpsets: opsets,
    producer: [proto.producer_name, proto.producer_version].filter(Boolean).join(' '),
    metadata: new Map((proto.metadata_props ?? []).map(({ key, value }: ProtoEntry) => [key ?? '', value ?? ''])),
    graph: inOrder({
      name: graph.name ?? '',
      nodes: (graph.node ?? []).map((node) => readNode(node, name)),
      initializers,
      inputs: (graph.input ?? []).map(readValueInfo).filter((input) => !initializers.has(input.name)),
      outputs: (graph.output ?? []).map(readValueInfo),
    }, name),
  };
}

function readNode(node: ProtoNode, model: string): OnnxNode {
  return {
    name: node.name ?? '',
    op: node.op_type ?? '',
    domain: node.domain === 'ai.onnx' ? '' : node.domain ?? '',
    inputs: node.input ?? [],
    outputs: node.output ?? [],
    attributes: Object.fromEntries((node.attribute ?? []).map((attribute) => [attribute.name ?? '', readAttribute(attribute, model)])),
  };
}

const text = new TextDecoder();

// The numbers are those of AttributeProto.AttributeType.
function readAttribute(attribute: ProtoAttribute, model: string): Attribute {
  switch (attribute.type) {
    case 1: return { kind: 'float', value: attribute.f ?? 0 };
    case 2: return { kind: 'int', value: protoNumber(attribute.i) };
    case 3: return { kind: 'string', value: text.decode(attribute.s) };
    case 4: return { kind: 'tensor', value: readTensor(attribute.t ?? {}, model) };
    case 5: return { kind: 'graph', value: attribute.g ?? {} };
    case 6: return { kind: 'floats', value: attribute.floats ?? [] };
    case 7: return { kind: 'ints', value: (attribute.ints ?? []).map(protoNumber) };
    case 8: return { kind: 'strings', value: (attribute.strings ?? []).map((bytes) => text.decode(bytes)) };
    default: throw new UserError(`attribute '${attribute.name}' in ${model} is of an unsupported kind (${attribute.type})`);
  }
}

function readValueInfo(info: ProtoValueInfo): OnnxValueInfo {
  const tensor = info.type?.tensor_type;
  return {
    name: info.name ?? '',
    type: tensor?.elem_type ?? 0,
    shape: tensor?.shape === undefined || tensor.shape === null
      ? undefined
      : (tensor.shape.dim ?? []).map((dim) => {
          const value = protoNumber(dim.dim_value);
          return value > 0 ? value : dim.dim_param || null;
        }),
  };
}

function readTensor(tensor: ProtoTensor, model: string): OnnxTensor {
  const dims = (tensor.dims ?? []).map(protoNumber);
  const type = tensor.data_type ?? 0;
  if (tensor.data_location === 1) {
    throw new UserError(`tensor '${tensor.name ?? ''}' of ${model} is in a side file`, 'read the model from its path');
  }
  if (!Number.isSafeInteger(sizeOf(dims)) || dims.some((dim) => dim < 0)) throw new UserError(`tensor '${tensor.name ?? ''}' of ${model} has the invalid shape [${dims.join(', ')}]`, 'is the file complete?');
  const bytes = tensorBytes(tensor, type);
  const expected = sizeOf(dims) * (bytesPerElement(type) ?? 0);
  if (bytesPerElement(type) !== undefined && bytes.byteLength !== expected) {
    throw new UserError(`tensor '${tensor.name ?? ''}' of ${model} has ${bytes.byteLength} bytes, but its shape [${dims.join(', ')}] of ${dataTypeName(type)} needs ${expected}`, 'is the file complete?');
  }
  return new OnnxTensor(dims, type, bytes);
}

function tensorBytes(tensor: ProtoTensor, type: DataType): Uint8Array {
  if (tensor.raw_data?.length) return tensor.raw_data;
  if (tensor.float_data?.length) return joined(tensor.float_data);
  if (tensor.double_data?.length) return joined(tensor.double_data);
  if (tensor.int64_data?.length) return new Uint8Array(BigInt64Array.from(tensor.int64_data, (value) => BigInt(value.toString())).buffer);
  if (tensor.uint64_data?.length) {
    const wide = BigUint64Array.from(tensor.uint64_data, (value) => BigInt(value.toString()));
    return type === DataType.uint32 ? new Uint8Array(Uint32Array.from(wide, Number).buffer) : new Uint8Array(wide.buffer);
  }
  if (tensor.int32_data?.length) {
    // Narrow types and the bits of 16-bit floats are stored one per int32, 4-bit types two.
    if (type === DataType.int4 || type === DataType.uint4) return Uint8Array.from(tensor.int32_data);
    switch (bytesPerElement(type)) {
      case 1: return Uint8Array.from(tensor.int32_data);
      case 2: return new Uint8Array(Uint16Array.from(tensor.int32_data).buffer);
      default: return new Uint8Array(Int32Array.from(tensor.int32_data).buffer);
    }
  }
  return new Uint8Array(0);
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}
