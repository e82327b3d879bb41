import { GraphBuilder } from '../../../src/onnx/builder.js';
import type { OnnxModel, OnnxValueInfo } from '../../../src/onnx/model.js';
import { DataType, OnnxTensor, sizeOf } from '../../../src/onnx/tensor.js';
import type { RuntimeTensor } from '../../../src/runtime/runtime.js';
import { noise } from '../../random.js';

type AttributeInput = number | string | readonly number[] | { readonly float: number } | undefined;

/** An input of the operator under test; the empty string leaves an optional one out. */
export type CaseInput = '' | {
  readonly type: 'float32' | 'int64' | 'bool';
  readonly dims: readonly number[];
  readonly data: readonly number[];
  /** Part of the graph rather than fed. */
  readonly constant: boolean;
};

/** One use of an operator. */
export interface ForwardCase {
  readonly op: string;
  /** What is special about it. */
  readonly what: string;
  readonly inputs: readonly CaseInput[];
  readonly attributes?: Readonly<Record<string, AttributeInput>>;
  /** The element type of each output: one of floats unless given. */
  readonly results?: readonly ('float32' | 'int64')[];
  /** 18 unless given. */
  readonly opset?: number;
  /** The result holds truths, which are compared as 0 and 1. */
  readonly bool?: true;
}

let seed = 1;

/** Fed floats in -1..1. */
export const x = (...dims: number[]): CaseInput => ({ type: 'float32', dims, data: [...noise(sizeOf(dims), seed++)], constant: false });
/** Fed floats in 0.2..2.2. */
export const positive = (...dims: number[]): CaseInput => ({ type: 'float32', dims, data: [...noise(sizeOf(dims), seed++)].map((v) => v + 1.2), constant: false });
/** Fed floats that are given. */
export const fed = (data: readonly number[], dims: readonly number[] = [data.length]): CaseInput => ({ type: 'float32', dims, data, constant: false });
/** Fed integers. */
export const fedInts = (data: readonly number[], dims: readonly number[] = [data.length]): CaseInput => ({ type: 'int64', dims, data, constant: false });
/** A constant of floats in -1..1. */
export const w = (...dims: number[]): CaseInput => ({ type: 'float32', dims, data: [...noise(sizeOf(dims), seed++)], constant: true });
/** A constant of floats that are given. */
export const floats = (data: readonly number[], dims: readonly number[] = [data.length]): CaseInput => ({ type: 'float32', dims, data, constant: true });
/** A constant number. */
export const number = (value: number): CaseInput => floats([value], []);
/** A constant vector of integers. */
export const ints = (...data: number[]): CaseInput => ({ type: 'int64', dims: [data.length], data, constant: true });
/** Constant integers of a shape. */
export const intsOf = (data: readonly number[], dims: readonly number[]): CaseInput => ({ type: 'int64', dims, data, constant: true });
/** Truths, as the graph makes them of fed floats. */
export const truths = (...dims: number[]): CaseInput => ({ type: 'bool', dims, data: [...noise(sizeOf(dims), seed++)], constant: false });

/**
 * How a case is wrapped. `plain`: as it stands. `convolved`: every fed tensor of four axes comes out of a convolution that
 * changes nothing, as activations do; a runtime may hold these in a layout of its own. `fed`: constant floats are fed as well,
 * as weights are that are trained.
 */
export type Wrapping = 'plain' | 'convolved' | 'fed';

/** The graph of a case, and what it is fed. */
export function graphOf(
  { op, inputs, attributes, results = ['float32'], opset = 18, bool }: ForwardCase, wrapping: Wrapping,
): { model: OnnxModel; feeds: Record<string, RuntimeTensor> } {
  const graphInputs: OnnxValueInfo[] = [];
  const feeds: Record<string, RuntimeTensor> = {};
  const b = new GraphBuilder();
  const names = inputs.map((input, i) => {
    if (input === '') return '';
    const { type, dims, data } = input;
    if (input.constant && (wrapping !== 'fed' || type !== 'float32')) {
      return b.constant(type === 'int64' ? OnnxTensor.int64(dims, data) : OnnxTensor.float32(dims, data));
    }
    const name = b.reserve(`input_${i}`);
    graphInputs.push({ name, type: type === 'int64' ? DataType.int64 : DataType.float32, shape: dims });
    feeds[name] = type === 'int64' ? { type, dims, data: BigInt64Array.from(data, BigInt) } : { type: 'float32', dims, data: Float32Array.from(data) };
    if (type === 'bool') return b.greater(name, b.floats(0));
    if (wrapping !== 'convolved' || type !== 'float32' || dims.length !== 4) return name;
    const c = dims[1];
    return b.conv(name, b.floats(Float32Array.from({ length: c * c }, (_, k) => (k % (c + 1) === 0 ? 1 : 0)), [c, c, 1, 1]));
  });
  const made = b.nodeWithOutputs(op, names, results.length, attributes as Record<string, AttributeInput>);
  const outputs = made.map((name, i) => b.alias(bool === true ? b.cast(name, DataType.float32) : name, `output_${i}`));
  return {
    feeds,
    model: {
      irVersion: 9, opset, otherOpsets: new Map(), producer: '', metadata: new Map(),
      graph: {
        name: op, nodes: b.nodes, initializers: b.initializers, inputs: graphInputs,
        outputs: outputs.map((name, i) => ({ name, type: DataType[results[i]], shape: undefined })),
      },
    },
  };
}
