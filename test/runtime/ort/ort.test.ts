import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { DataType } from '../../../src/onnx/tensor.js';
import { serializeModel } from '../../../src/onnx/file/write.js';
import { ortRuntime } from '../../../src/runtime/ort/ort.js';

/** x float32 [N], k int64 [N] -> doubled, squared, next (int64) and positive (bool). */
function model(): Uint8Array {
  const inputs = [{ name: 'x', type: DataType.float32, shape: ['N'] }, { name: 'k', type: DataType.int64, shape: ['N'] }];
  const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs });
  b.alias(b.mul('x', b.floats(2)), 'doubled');
  b.alias(b.mul('x', 'x'), 'squared');
  b.alias(b.add('k', b.ints(1)), 'next');
  b.alias(b.greater('x', b.floats(0)), 'positive');
  const outputs = [['doubled', DataType.float32], ['squared', DataType.float32], ['next', DataType.int64], ['positive', DataType.bool]] as const;
  return serializeModel({
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: '', metadata: new Map(),
    graph: { name: 'g', nodes: b.nodes, initializers: b.initializers, inputs, outputs: outputs.map(([name, type]) => ({ name, type, shape: undefined })) },
  });
}

const feeds = {
  x: { type: 'float32' as const, dims: [3], data: Float32Array.of(1, -2, 0.5) },
  k: { type: 'int64' as const, dims: [3], data: BigInt64Array.of(1n, -1n, 2n ** 40n) },
};

describe('ONNX Runtime', () => {
  it('runs a graph and returns the outputs asked for, and only those', async () => {
    const session = await ortRuntime.load(model(), { threads: 1 });
    const results = await session.run(feeds, ['doubled', 'next']);
    expect(results).toEqual({
      doubled: { type: 'float32', dims: [3], data: Float32Array.of(2, -4, 1) },
      next: { type: 'int64', dims: [3], data: BigInt64Array.of(2n, 0n, 2n ** 40n + 1n) },
    });
    await session.release();
  });

  it('runs the same session at several sizes', async () => {
    const session = await ortRuntime.load(model(), { threads: 2 });
    for (const n of [1, 7, 2]) {
      const { squared } = await session.run({
        x: { type: 'float32', dims: [n], data: Float32Array.from({ length: n }, (_, i) => i) },
        k: { type: 'int64', dims: [n], data: new BigInt64Array(n) },
      }, ['squared']);
      expect([...squared.data]).toEqual(Array.from({ length: n }, (_, i) => i * i));
    }
    await session.release();
  });

  it('refuses outputs of a type that programs do not use', async () => {
    const session = await ortRuntime.load(model(), { threads: 1 });
    await expect(session.run(feeds)).rejects.toThrow('\'positive\' of the graph is of type bool');
    await session.release();
  });

  it('refuses what is no graph', async () => {
    await expect(ortRuntime.load(new Uint8Array(10).fill(7), { threads: 1 })).rejects.toThrow(UserError);
  });

  it('tells its name and version', () => {
    expect(ortRuntime.name).toBe('onnxruntime');
    expect(ortRuntime.version).toMatch(/^\d+\.\d+\.\d+/);
  });
});
