import { GraphBuilder } from '../onnx/builder.js';
import type { OnnxModel } from '../onnx/model.js';
import { DataType } from '../onnx/tensor.js';
import type { Session } from '../runtime/runtime.js';
import type { Points, Similarities } from './spherical-kmeans.js';

/** Points that are compared at once: 20 MB at 1280 channels. */
const BLOCK = 4096;

/** Points [N, C] and centres [K, C] in, their products [N, K] out. */
export function buildSimilarityGraph(): OnnxModel {
  const b = new GraphBuilder();
  const [points, centres] = [b.reserve('points'), b.reserve('centres')];
  b.alias(b.matmul(points, b.transpose(centres, [1, 0])), 'products');
  const value = (name: string): { name: string; type: number; shape: null[] } => ({ name, type: DataType.float32, shape: [null, null] });
  return {
    irVersion: 9, opset: 18, otherOpsets: new Map(), producer: 'voc-seeds', metadata: new Map(),
    graph: {
      name: 'similarities', nodes: b.nodes, initializers: b.initializers,
      inputs: [value('points'), value('centres')], outputs: [value('products')],
    },
  };
}

/** Similarities by a loaded {@link buildSimilarityGraph}: most of the work of k-means is this product. */
export function similaritiesBy(session: Session, { data, channels, count }: Points): Similarities {
  return async (centres) => {
    const k = centres.length / channels;
    const all = new Float32Array(count * k);
    for (let start = 0; start < count; start += BLOCK) {
      const end = Math.min(start + BLOCK, count);
      const { products } = await session.run({
        points: { type: 'float32', dims: [end - start, channels], data: data.subarray(start * channels, end * channels) },
        centres: { type: 'float32', dims: [k, channels], data: centres },
      });
      all.set(products.data as Float32Array, start * k);
    }
    return all;
  };
}
