import type { FeatureLayer } from '../../classifier/layers.js';
import type { NetworkGraph } from '../../classifier/network.js';
import { UserError } from '../../errors.js';
import { GraphBuilder } from '../../onnx/builder.js';
import type { OnnxModel } from '../../onnx/model.js';
import { ancestors } from '../../onnx/model.js';
import { DataType } from '../../onnx/tensor.js';
import { reasonLines } from '../reasons.js';
import { computeVectors } from '../vectors.js';
import type { VectorOptions } from '../vectors.js';

const MOMENTS = 'train/moments';

/** Photographs that are measured. */
const SAMPLE = 64;

/**
 * The standard deviations of feature maps over photographs evenly picked from a list.
 *
 * @throws UserError if none of them can be read, or a feature map is constant
 */
export async function measureDeviations(
  backbone: NetworkGraph, layers: readonly FeatureLayer[], paths: readonly string[], options: Omit<VectorOptions, 'input' | 'output' | 'flip'>,
): Promise<number[]> {
  const place = (i: number): number => Math.floor(i * Math.min(1, SAMPLE / paths.length));
  const picked = paths.filter((_, i) => i === 0 || place(i) !== place(i - 1));
  const width = 2 * layers.length;
  const { data, failures, paths: read } = await computeVectors(momentGraph(backbone, layers), picked, width, {
    ...options, input: backbone.input.name, output: MOMENTS, flip: false,
  });
  if (read.length === 0) throw new UserError([`none of ${picked.length} photographs can be used:`, ...reasonLines(failures)].join('\n'));
  return layers.map(({ name }, i) => {
    const mean = (at: number): number => read.reduce((sum, _, row) => sum + data[row * width + at], 0) / read.length;
    const variance = mean(2 * i + 1) - mean(2 * i) ** 2;
    if (!(variance > 0)) throw new UserError(`the feature map '${name}' has the same value everywhere`, 'check the preprocessing of the backbone');
    return Math.sqrt(variance);
  });
}

/** Image in; the mean of each feature map and of its square out, [N, 2 layers]. */
function momentGraph({ model }: NetworkGraph, layers: readonly FeatureLayer[]): OnnxModel {
  const nodes = ancestors(model.graph.nodes, layers.map(({ name }) => name));
  const b = new GraphBuilder({ ...model.graph, nodes });
  const moments = layers.flatMap(({ name }) => [name, b.mul(name, name)].map((value) => b.unsqueeze(b.reduceMean(value, [1, 2, 3], false), [1])));
  b.alias(b.concat(moments, 1), MOMENTS);
  return {
    ...model, metadata: new Map(),
    graph: { ...model.graph, nodes: b.nodes, initializers: b.initializers, outputs: [{ name: MOMENTS, type: DataType.float32, shape: undefined }] },
  };
}
