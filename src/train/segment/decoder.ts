import type { NetworkGraph } from '../../classifier/network.js';
import type { FeatureLayer } from '../../classifier/layers.js';
import { GraphBuilder } from '../../onnx/builder.js';
import type { Value } from '../../onnx/builder.js';
import type { OnnxModel } from '../../onnx/model.js';
import { ancestors } from '../../onnx/model.js';
import { DataType, OnnxTensor, sizeOf } from '../../onnx/tensor.js';
import { randomSequence } from '../../random.js';
import { STUDENT_LOGITS } from '../../student/spec.js';
import { trainableParameters } from '../parameters.js';
import type { Parameter } from '../parameters.js';

/** What the names of the decoder's weights begin with. */
export const DECODER = 'decoder/';

/** Channels of the decoder, and at its last level, stride 4. */
const WIDTH = 96;
const LAST_WIDTH = 48;

/** A feature map that the decoder reads. */
export interface Lateral {
  readonly layer: FeatureLayer;
  /** The standard deviation of its values, by which they are divided. */
  readonly deviation: number;
}

/**
 * A complete student: the backbone, and a decoder with random weights.
 *
 * The decoder begins at the deepest map, with a 1x1 convolution of its values and another of their mean over all positions. At each
 * level above, the result is enlarged (bilinear) and a 1x1 convolution of that level's map is added. After each level follow ReLU,
 * and as a residual a depthwise 3x3 convolution, ReLU, and a 1x1 convolution. A last 1x1 convolution makes the logits.
 *
 * @param laterals shallowest first
 * @param labels the number of labels, background included
 * @param metadata of the new model
 */
export function buildStudent(
  backbone: NetworkGraph, laterals: readonly Lateral[], labels: number, seed: number, metadata: ReadonlyMap<string, string>,
): OnnxModel {
  const { graph } = backbone.model;
  const nodes = ancestors(graph.nodes, laterals.map(({ layer }) => layer.name));
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  const b = new GraphBuilder({ ...graph, nodes, initializers: new Map([...graph.initializers].filter(([name]) => used.has(name))) });
  const normal = normalNumbers(seed);
  const weight = (name: string, dims: readonly number[], deviation: number): Value => {
    const full = b.reserve(`${DECODER}${name}`);
    b.initializers.set(full, OnnxTensor.float32(dims, Float32Array.from({ length: sizeOf(dims) }, () => deviation * normal())));
    return full;
  };
  /** A convolution with zeros as bias. `gain` 2: for values that a ReLU follows (He et al., 2015). */
  const conv = (name: string, x: Value, [m, c, k]: readonly [number, number, number], gain: number): Value => {
    const pads = (k - 1) / 2;
    const w = weight(`${name}_weight`, [m, c, k, k], Math.sqrt(gain / (c * k * k)));
    const bias = weight(`${name}_bias`, [m], 0);
    return b.node('Conv', [x, w, bias], { ...k > 1 && { pads: [pads, pads, pads, pads], group: m } });
  };
  const [deepest, ...above] = [...laterals].reverse();
  const scaled = ({ layer, deviation }: Lateral): Value => b.mul(layer.name, b.floats(1 / deviation));
  const level = (stride: number, sum: Value, width: number): Value => {
    const x = b.relu(sum);
    const spread = b.relu(conv(`${stride}_depthwise`, x, [width, 1, 3], 2));
    return b.add(x, conv(`${stride}_residual`, spread, [width, width, 1], 1));
  };
  const start = scaled(deepest);
  const { stride, channels } = deepest.layer;
  const local = conv(`${stride}_lateral`, start, [WIDTH, channels, 1], 1);
  const global = conv('global', b.node('GlobalAveragePool', [start]), [WIDTH, channels, 1], 1);
  let x = level(stride, b.add(local, global), WIDTH);
  let width = WIDTH;
  for (const lateral of above) {
    const own = lateral === above.at(-1) ? LAST_WIDTH : WIDTH;
    if (own !== width) x = conv('narrow', x, [own, width, 1], 1);
    const side = conv(`${lateral.layer.stride}_lateral`, scaled(lateral), [own, lateral.layer.channels, 1], 1);
    const size = b.concat([b.shape(x, 0, 2), b.shape(side, 2, 4)], 0);
    const enlarged = b.node('Resize', [x, '', '', size], { mode: 'linear', coordinate_transformation_mode: 'half_pixel' });
    x = level(lateral.layer.stride, b.add(side, enlarged), own);
    width = own;
  }
  const logits = conv('logits', x, [labels, width, 1], 1e-2);
  b.reserve(STUDENT_LOGITS);
  return {
    ...backbone.model, producer: 'voc-seeds', metadata,
    graph: {
      ...graph, name: 'student', initializers: b.initializers,
      nodes: b.nodes.map((node) => (node.outputs[0] === logits ? { ...node, name: STUDENT_LOGITS, outputs: [STUDENT_LOGITS] } : node)),
      outputs: [{ name: STUDENT_LOGITS, type: DataType.float32, shape: ['N', labels, 'h', 'w'] }],
    },
  };
}

/**
 * The weights of a student that are trained: those above a layer, where the decoder counts as the head.
 *
 * @param frozen the last layer that is not trained
 */
export function studentParameters(student: NetworkGraph, frozen: Pick<FeatureLayer, 'name'>): Parameter[] {
  return trainableParameters(student, frozen).map((parameter) => ({ ...parameter, head: parameter.name.startsWith(DECODER) }));
}

/** Normally distributed numbers (Box and Muller). */
function normalNumbers(seed: number): () => number {
  const random = randomSequence(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
