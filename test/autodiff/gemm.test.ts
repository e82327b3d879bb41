import { expect, it } from 'vitest';
import { ClassifierGraph } from '../../src/classifier/classifier.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { DataType } from '../../src/onnx/tensor.js';
import { serializeModel } from '../../src/onnx/file/write.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import { GRADIENT, gradientGraph } from './gradient-graph.js';

it('the gradient of Gemm reaches the matrix that it adds: y = 2 x A + 3 x, by hand', async () => {
  const input = { name: 'x', type: DataType.float32, shape: ['N', 2, 'H', 'W'] };
  const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs: [input] });
  const pooled = b.reduceMean('x', [2, 3], false);
  b.alias(b.node('Gemm', [pooled, b.floats([1, 2, 3, 4], [2, 2]), pooled], { alpha: { float: 2 }, beta: { float: 3 } }), 'logits');
  const graph = { name: 'g', nodes: b.nodes, initializers: b.initializers, inputs: [input], outputs: [{ name: 'logits', type: DataType.float32, shape: ['N', 2] }] };
  const model = { irVersion: 8, opset: 18, otherOpsets: new Map<string, number>(), producer: '', metadata: new Map<string, string>(), graph };
  const session = await ortRuntime.load(serializeModel(gradientGraph(new ClassifierGraph(model, 'logits'), ['x'])), { threads: 1 });
  const results = await session.run({
    'x': { type: 'float32', dims: [1, 2, 1, 2], data: Float32Array.of(5, 6, 7, 8) }, 'cam/classes': { type: 'int64', dims: [2], data: BigInt64Array.of(0n, 1n) },
  });
  await session.release();
  // Logit k: 2 A[c, k] + 3 where c = k, halved by the mean over two positions.
  expect([...results[`${GRADIENT}x`].data as Float32Array]).toEqual([2.5, 2.5, 3, 3, 2, 2, 5.5, 5.5]);
});
