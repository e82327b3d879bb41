import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { openCam, prepareCam } from '../../src/cam/plan.js';
import type { CamResult } from '../../src/cam/gradient-program.js';
import type { Value } from '../../src/onnx/builder.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import type { OnnxModel, OnnxValueInfo } from '../../src/onnx/model.js';
import { DataType } from '../../src/onnx/tensor.js';
import { serializeModel } from '../../src/onnx/file/write.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import { noise } from '../random.js';
import { camRequests } from '../helpers.js';

export const CHANNELS = 4;
export const CLASSES = 5;

/** Weights drawn by a seed. */
export const random = (b: GraphBuilder, seed: number, ...dims: number[]): Value => (
  b.floats(noise(dims.reduce((a, c) => a * c, 1), seed), dims));

/** input [N, 3, H, W] -> convolution, ReLU `feat_a` [N, 4, H / 2, W / 2] -> the rest, which makes the output. */
export function smallModel(
  rest: (b: GraphBuilder, features: Value) => Value, { shape = ['N', 3, 'H', 'W'] as OnnxValueInfo['shape'], opset = 18, type = DataType.float32 as number } = {},
): OnnxModel {
  const inputs = [{ name: 'input', type, shape }];
  const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs });
  const features = b.alias(b.relu(b.conv('input', random(b, 1, CHANNELS, 3, 3, 3), { strides: [2, 2], pads: [1, 1, 1, 1] })), 'feat_a');
  const output = rest(b, features);
  return {
    irVersion: 8, opset, otherOpsets: new Map(), producer: '', metadata: new Map(),
    graph: { name: 'g', nodes: b.nodes, initializers: b.initializers, inputs, outputs: [{ name: output, type: DataType.float32, shape: undefined }] },
  };
}

/** Another convolution, global average pooling and a linear head, whose output is `logits` [N, 5]. */
export function linearHead(b: GraphBuilder, features: Value): Value {
  const deep = b.alias(b.relu(b.conv(features, random(b, 2, CHANNELS, CHANNELS, 3, 3), { pads: [1, 1, 1, 1] })), 'feat_b');
  const pooled = b.node('Flatten', [b.node('GlobalAveragePool', [deep])]);
  return b.alias(b.gemm(pooled, random(b, 3, CLASSES, CHANNELS), { transB: 1 }), 'logits');
}

export const image = (height: number, width: number): Float32Array => noise(3 * height * width, 9);

/** A tensor of a model as ONNX Runtime computes it. */
export async function computed(model: OnnxModel, tensor: string, [height, width]: readonly [number, number]): Promise<number[]> {
  const graph = { ...model.graph, outputs: [{ name: tensor, type: DataType.float32, shape: undefined }] };
  const session = await ortRuntime.load(serializeModel({ ...model, graph }), { threads: 1 });
  const result = await session.run({ input: { type: 'float32', dims: [1, 3, height, width], data: image(height, width) } });
  await session.release();
  return Array.from(result[tensor].data, Number);
}

/** LayerCAM maps of some classes, and the logits. */
export async function mapsOf(
  model: OnnxModel, target: string, layers: readonly string[], size: readonly [number, number], classes: readonly number[],
): Promise<CamResult> {
  const classifier = new ClassifierGraph(model, target);
  const plan = prepareCam(classifier, camRequests(classifier.resolveLayers(layers)));
  const cam = await openCam(plan, ortRuntime, { threads: 1 });
  const result = await cam.run(image(...size), size, classes);
  await cam.release();
  return result;
}

/** Compares numbers to a part of the largest. */
export function deviation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  const largest = Math.max(...Array.from(b, Math.abs), 1e-30);
  return Math.max(0, ...Array.from(a, (value, i) => Math.abs(value - b[i]) / largest));
}
