import protobuf from 'protobufjs';

/**
 * The ONNX messages as protobufjs reflection: field names, numbers and types follow the ONNX specification (IR version 10).
 *
 * One exception: the packed repeated floats of a tensor (`float_data`, `double_data`) are declared as `bytes`. Both are encoded
 * as a length and little-endian numbers, and as bytes they are decoded to a view of the file instead of a JavaScript array.
 */
const field = (type: string, id: number, rule?: 'repeated'): protobuf.IField => (rule === undefined ? { type, id } : { type, id, rule });
const many = (type: string, id: number): protobuf.IField => field(type, id, 'repeated');

const root = protobuf.Root.fromJSON({
  nested: {
    Attribute: { fields: {
      name: field('string', 1), ref_attr_name: field('string', 21), doc_string: field('string', 13), type: field('int32', 20),
      f: field('float', 2), i: field('int64', 3), s: field('bytes', 4), t: field('Tensor', 5), g: field('Graph', 6),
      sparse_tensor: field('SparseTensor', 22), tp: field('Type', 14),
      floats: many('float', 7), ints: many('int64', 8), strings: many('bytes', 9), tensors: many('Tensor', 10),
      graphs: many('Graph', 11), sparse_tensors: many('SparseTensor', 23), type_protos: many('Type', 15),
    } },
    ValueInfo: { fields: {
      name: field('string', 1), type: field('Type', 2), doc_string: field('string', 3), metadata_props: many('StringStringEntry', 4),
    } },
    Node: { fields: {
      input: many('string', 1), output: many('string', 2), name: field('string', 3), op_type: field('string', 4),
      domain: field('string', 7), overload: field('string', 8), attribute: many('Attribute', 5), doc_string: field('string', 6),
      metadata_props: many('StringStringEntry', 9),
    } },
    Model: { fields: {
      ir_version: field('int64', 1), opset_import: many('OperatorSetId', 8), producer_name: field('string', 2),
      producer_version: field('string', 3), domain: field('string', 4), model_version: field('int64', 5),
      doc_string: field('string', 6), graph: field('Graph', 7), metadata_props: many('StringStringEntry', 14),
      functions: many('Function', 25),
    } },
    StringStringEntry: { fields: { key: field('string', 1), value: field('string', 2) } },
    Graph: { fields: {
      node: many('Node', 1), name: field('string', 2), initializer: many('Tensor', 5),
      sparse_initializer: many('SparseTensor', 15), doc_string: field('string', 10), input: many('ValueInfo', 11),
      output: many('ValueInfo', 12), value_info: many('ValueInfo', 13), metadata_props: many('StringStringEntry', 16),
    } },
    Tensor: { fields: {
      dims: many('int64', 1), data_type: field('int32', 2), float_data: many('bytes', 4), int32_data: many('int32', 5),
      string_data: many('bytes', 6), int64_data: many('int64', 7), name: field('string', 8), doc_string: field('string', 12),
      raw_data: field('bytes', 9), external_data: many('StringStringEntry', 13), data_location: field('int32', 14),
      double_data: many('bytes', 10), uint64_data: many('uint64', 11), metadata_props: many('StringStringEntry', 16),
    } },
    SparseTensor: { fields: { values: field('Tensor', 1), indices: field('Tensor', 2), dims: many('int64', 3) } },
    Dimension: { fields: { dim_value: field('int64', 1), dim_param: field('string', 2), denotation: field('string', 3) } },
    Shape: { fields: { dim: many('Dimension', 1) } },
    TensorType: { fields: { elem_type: field('int32', 1), shape: field('Shape', 2) } },
    Type: { fields: { tensor_type: field('TensorType', 1), denotation: field('string', 6) } },
    OperatorSetId: { fields: { domain: field('string', 1), version: field('int64', 2) } },
    Function: { fields: { name: field('string', 1), domain: field('string', 10) } },
  },
}).resolveAll();

/** The protobufjs types of ONNX's ModelProto, GraphProto and TensorProto. */
export const ModelType = root.lookupType('Model');
export const GraphType = root.lookupType('Graph');
export const TensorType = root.lookupType('Tensor');

/** An integer as protobufjs returns it: a number, or a Long for 64 bits. */
export type ProtoInt = number | { toNumber(): number };

export interface ProtoEntry { key?: string; value?: string }

export interface ProtoTensor {
  dims?: ProtoInt[];
  data_type?: number;
  float_data?: Uint8Array[];
  int32_data?: number[];
  string_data?: Uint8Array[];
  int64_data?: ProtoInt[];
  uint64_data?: ProtoInt[];
  double_data?: Uint8Array[];
  raw_data?: Uint8Array;
  name?: string;
  external_data?: ProtoEntry[];
  data_location?: number;
}

export interface ProtoAttribute {
  name?: string;
  type?: number;
  f?: number;
  i?: ProtoInt;
  s?: Uint8Array;
  t?: ProtoTensor;
  g?: ProtoGraph;
  floats?: number[];
  ints?: ProtoInt[];
  strings?: Uint8Array[];
}

export interface ProtoNode {
  input?: string[];
  output?: string[];
  name?: string;
  op_type?: string;
  domain?: string;
  attribute?: ProtoAttribute[];
}

export interface ProtoValueInfo {
  name?: string;
  type?: { tensor_type?: { elem_type?: number; shape?: { dim?: { dim_value?: ProtoInt; dim_param?: string }[] } } };
}

export interface ProtoGraph {
  node?: ProtoNode[];
  name?: string;
  initializer?: ProtoTensor[];
  sparse_initializer?: unknown[];
  input?: ProtoValueInfo[];
  output?: ProtoValueInfo[];
}

export interface ProtoModel {
  ir_version?: ProtoInt;
  opset_import?: { domain?: string; version?: ProtoInt }[];
  producer_name?: string;
  producer_version?: string;
  graph?: ProtoGraph;
  metadata_props?: ProtoEntry[];
  functions?: { name?: string; domain?: string }[];
}

/** A protobuf integer as a number, clamped to +-2^53 (ONNX's "to the end"); `undefined` is protobuf's default, 0. */
export function protoNumber(value: ProtoInt | undefined): number {
  if (value === undefined) return 0;
  const number = typeof value === 'number' ? value : value.toNumber();
  return Math.min(Math.max(number, -Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}
