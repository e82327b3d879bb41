import { describe, expect, it } from 'vitest';
import type { Value } from '../../../src/onnx/builder.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { channelsFirst } from '../../../src/onnx/rewrite/channels-last.js';
import type { OnnxGraph, OnnxModel } from '../../../src/onnx/model.js';
import { NetworkGraph } from '../../../src/classifier/network.js';
import { DataType, sizeOf } from '../../../src/onnx/tensor.js';
import { serializeModel } from '../../../src/onnx/file/write.js';
import { ortRuntime } from '../../../src/runtime/ort/ort.js';
import { relativeError } from '../../helpers.js';
import { noise } from '../../random.js';

const weights = (b: GraphBuilder, dims: readonly number[]): Value => b.floats(noise(sizeOf(dims), 1), dims);

function graphOf(build: (b: GraphBuilder, x: Value) => Value, shape: readonly (number | string | null)[] = [null, 'H', 'W', 3]): OnnxGraph {
  const inputs = [{ name: 'x', type: DataType.float32, shape }];
  const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs });
  b.alias(build(b, 'x'), 'logits');
  return { name: 'g', nodes: b.nodes, initializers: b.initializers, inputs, outputs: [{ name: 'logits', type: DataType.float32, shape: undefined }] };
}

const modelOf = (graph: OnnxGraph): OnnxModel => ({ irVersion: 8, opset: 18, otherOpsets: new Map(), producer: '', metadata: new Map(), graph });

async function logits(graph: OnnxGraph, dims: readonly number[], data: Float32Array): Promise<Float32Array> {
  const session = await ortRuntime.load(serializeModel(modelOf(graph)), { threads: 1 });
  const results = await session.run({ x: { type: 'float32', dims, data } });
  await session.release();
  return results.logits.data as Float32Array;
}

const forms: Record<string, (b: GraphBuilder, x: Value) => Value> = {
  'the input is brought to NCHW first': (b, x) => b.reduceMean(b.conv(b.transpose(x, [0, 3, 1, 2]), weights(b, [5, 3, 3, 3])), [2, 3], false),
  'a colour is subtracted before': (b, x) => b.reduceMean(b.conv(b.transpose(b.sub(x, b.floats([1, 2, 3])), [0, 3, 1, 2]), weights(b, [5, 3, 3, 3])), [2, 3], false),
  'two branches read it': (b, x) => {
    const first = b.reduceMean(b.conv(b.transpose(x, [0, 3, 1, 2]), weights(b, [5, 3, 1, 1])), [2, 3], false);
    return b.add(first, b.matmul(b.reduceMean(x, [1, 2], false), weights(b, [3, 5])));
  },
};

describe('an NHWC input becomes NCHW', () => {
  for (const [name, build] of Object.entries(forms)) {
    it(`${name}: with the same logits`, async () => {
      const graph = graphOf(build);
      const [h, w] = [6, 8];
      const last = noise(h * w * 3, 4);
      const first = Float32Array.from({ length: 3 * h * w }, (_, i) => last[(i % (h * w)) * 3 + Math.floor(i / (h * w))]);
      const turned = channelsFirst(graph);
      expect(turned.inputs[0].shape).toEqual([null, 3, 'H', 'W']);
      expect(relativeError(await logits(turned, [1, 3, h, w], first), await logits(graph, [1, h, w, 3], last))).toBeLessThan(1e-6);
      const { input, layers } = new NetworkGraph(modelOf(graph), 'logits');
      expect([input.channels, input.fixedSize, layers.at(-1)?.channels]).toEqual([3, undefined, 5]);
    });
  }

  it('no node is left of a Transpose at the beginning', () => {
    expect(channelsFirst(graphOf(forms['the input is brought to NCHW first'])).nodes.map(({ op }) => op)).toEqual(['Conv', 'ReduceMean', 'Identity']);
  });

  it('what is NCHW already is left alone', () => {
    for (const shape of [['N', 3, 'H', 'W'], [1, 3, 224, 3], [1, 'C', 'H', 'W'], ['N', 77]]) {
      const graph = graphOf((b, x) => b.neg(x), shape);
      expect(channelsFirst(graph)).toBe(graph);
    }
  });
});
