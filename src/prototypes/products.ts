import { ownBytes } from '../jobs/workers/shared-bytes.js';
import { GraphBuilder } from '../onnx/builder.js';
import type { Value } from '../onnx/builder.js';
import type { OnnxModel } from '../onnx/model.js';
import { DataType } from '../onnx/tensor.js';
import type { Runtime, RuntimeTensor, Session } from '../runtime/runtime.js';
import type { Points, Products } from './spherical-kmeans.js';

/** Points that are multiplied at once: 20 MB at 1280 channels. */
const BLOCK = 4096;

/** The two matrix products of k-means, which are most of its work; serialised models. */
export interface ProductGraphs {
  /** a [N, C] and b [K, C] in, their products [N, K] out. */
  readonly similarities: Uint8Array;
  /** a [K, N] and b [N, C] in, their products [K, C] out. */
  readonly sums: Uint8Array;
}

/** The models of {@link ProductGraphs}. */
export function buildProductGraphs(): Readonly<Record<keyof ProductGraphs, OnnxModel>> {
  return {
    similarities: productModel((b, left, right) => b.matmul(left, b.transpose(right, [1, 0]))),
    sums: productModel((b, left, right) => b.matmul(left, right)),
  };
}

function productModel(product: (b: GraphBuilder, left: Value, right: Value) => Value): OnnxModel {
  const b = new GraphBuilder();
  b.alias(product(b, b.reserve('a'), b.reserve('b')), 'product');
  const value = (name: string): OnnxModel['graph']['inputs'][number] => ({ name, type: DataType.float32, shape: [null, null] });
  return {
    irVersion: 9, opset: 18, otherOpsets: new Map(), producer: 'voc-seeds', metadata: new Map(),
    graph: { name: 'product', nodes: b.nodes, initializers: b.initializers, inputs: [value('a'), value('b')], outputs: [value('product')] },
  };
}

/** Loaded {@link ProductGraphs}. */
export class ProductSessions {
  private constructor(private readonly similarities: Session, private readonly sums: Session) {}

  static async load({ similarities, sums }: ProductGraphs, runtime: Runtime): Promise<ProductSessions> {
    // With one thread, sums have the same order on every machine.
    const load = (graph: Uint8Array): Promise<Session> => runtime.load(ownBytes(graph), { threads: 1 });
    return new ProductSessions(await load(similarities), await load(sums));
  }

  /** The products of some points. */
  of({ data, channels, count }: Points): Products {
    const blocks = Array.from({ length: Math.ceil(count / BLOCK) }, (_, i) => [i * BLOCK, Math.min((i + 1) * BLOCK, count)] as const);
    const matrix = (rows: number, columns: number, values: Float32Array): RuntimeTensor => ({ type: 'float32', dims: [rows, columns], data: values });
    const points = (start: number, end: number): RuntimeTensor => matrix(end - start, channels, data.subarray(start * channels, end * channels));
    return {
      similarities: async (centres) => {
        const k = centres.length / channels;
        const all = new Float32Array(count * k);
        for (const [start, end] of blocks) {
          const { product } = await this.similarities.run({ a: points(start, end), b: matrix(k, channels, centres) });
          all.set(product.data as Float32Array, start * k);
        }
        return all;
      },
      sums: async (owners, k) => {
        const all = new Float64Array(k * channels);
        for (const [start, end] of blocks) {
          const members = new Float32Array(k * (end - start));
          for (let i = start; i < end; i++) members[owners[i] * (end - start) + i - start] = 1;
          const { product } = await this.sums.run({ a: matrix(k, end - start, members), b: points(start, end) });
          const values = product.data as Float32Array;
          for (let i = 0; i < all.length; i++) all[i] += values[i];
        }
        return all;
      },
    };
  }

  async release(): Promise<void> {
    await this.similarities.release();
    await this.sums.release();
  }
}
