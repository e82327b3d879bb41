import { describe, expect, it } from 'vitest';
import { principalMap } from '../../src/cam/methods/principal-map.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { serializeModel } from '../../src/onnx/file/write.js';
import { DataType } from '../../src/onnx/tensor.js';
import { openRuntime } from '../../src/runtime/open.js';
import { relativeError } from '../helpers.js';

/** The maps of features [K, C, h, w], given as a list of channels for each of the K. */
async function mapsOf(name: 'ort' | 'tfjs', features: readonly (readonly (readonly number[])[])[], [h, w]: readonly [number, number]) {
  const channels = features[0].length;
  const input = { name: 'features', type: DataType.float32, shape: ['K', channels, 'h', 'w'] };
  const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs: [input] });
  b.alias(principalMap('features', b, channels), 'map');
  const { runtime } = await openRuntime(name === 'ort' ? { runtime: 'ort', device: 'cpu' } : { runtime: 'tfjs', device: 'wasm' });
  const session = await runtime.load(serializeModel({
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: '', metadata: new Map(),
    graph: {
      name: 'maps', nodes: b.nodes, initializers: b.initializers, inputs: [input],
      outputs: [{ name: 'map', type: DataType.float32, shape: ['K', 1, 'h', 'w'] }],
    },
  }), { threads: 1 });
  const dims = [features.length, channels, h, w];
  const { map } = await session.run({ features: { type: 'float32', dims, data: Float32Array.from(features.flat(2)) } });
  await session.release();
  expect(map.dims).toEqual([features.length, 1, h, w]);
  return map.data as Float32Array;
}

/** The k-th cosine, of length 1; those with k > 0 have mean 0 and are orthogonal. */
const cosine = (n: number, k: number): number[] => (
  Array.from({ length: n }, (_, i) => Math.sqrt(2 / n) * Math.cos(Math.PI * (i + 0.5) * k / n)));

describe.each(['ort', 'tfjs'] as const)('the first principal component with %s', (runtime) => {
  it('is that of a calculation by hand, for each of several', async () => {
    // X^T X = diag(8, 2), and its first eigenvector is (1, 0) whatever the sign of the channel; the means 5 and 7 do not count.
    const [second, mean] = [[7, 7, 8, 6], 5];
    const maps = await mapsOf(runtime, [[[2, -2, 0, 0].map((x) => x + mean), second], [[-2, 2, 0, 0].map((x) => x + mean), second]], [2, 2]);
    expect(relativeError(maps, [2, 0, 0, 0, 0, 2, 0, 0])).toBeLessThan(1e-6);
  });

  it('is right for two positions, and for numbers whose squares are 0 in single precision', async () => {
    // The rows are (-1, -1) and (1, 1), v is (1, 1) / sqrt(2).
    expect(relativeError(await mapsOf(runtime, [[[1, 3], [2, 4]]], [1, 2]), [0, Math.SQRT2])).toBeLessThan(1e-6);
    const tiny = await mapsOf(runtime, [[[1e-25, 3e-25], [2e-25, 4e-25]]], [1, 2]);
    expect(relativeError(tiny, [0, Math.SQRT2 * 1e-25])).toBeLessThan(1e-6);
  });

  it('is 0 if all positions are alike', async () => {
    expect([...await mapsOf(runtime, [[[2, 2, 2], [0, 0, 0]]], [1, 3])]).toEqual([0, 0, 0]);
  });

  it.each([[40, 0.95], [200, 0.97], [12, 0.9]])('is found among singular values near each other: %d channels, each %d of the last', async (channels, ratio) => {
    const [h, w] = [15, 20];
    // Channels are orthogonal, so that the largest of them is the component.
    const features = Array.from({ length: channels }, (_, k) => cosine(h * w, k + 1).map((x) => x * ratio ** k));
    const expected = features[0].map((x) => Math.max(x, 0));
    expect(relativeError(await mapsOf(runtime, [features.reverse()], [h, w]), expected)).toBeLessThan(2e-5);
  });
});
