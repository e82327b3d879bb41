import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { foldConstants } from '../../../src/onnx/rewrite/fold.js';
import type { OnnxModel } from '../../../src/onnx/model.js';
import { NetworkGraph } from '../../../src/classifier/network.js';
import { parseModel, readModel } from '../../../src/onnx/file/read.js';
import { DataType, OnnxTensor } from '../../../src/onnx/tensor.js';
import { TARGET_OPSET, upgradeModel } from '../../../src/onnx/rewrite/upgrade.js';
import { serializeModel } from '../../../src/onnx/file/write.js';
import { ortRuntime } from '../../../src/runtime/ort/ort.js';
import { loadCase } from '../../fixtures/load.js';
import { repository, refusal } from '../../helpers.js';
import { noise } from '../../random.js';

const fixture = (name: string): string => resolve(repository, 'test/fixtures/onnx', name);

async function run(model: Uint8Array, data: Float32Array) {
  const session = await ortRuntime.load(model, { threads: 1 });
  const results = await session.run({ x: { type: 'float32', dims: [1, 4, 6, 5], data } });
  await session.release();
  return results;
}

describe('an upgraded model computes what the original did', () => {
  for (let opset = 7; opset < TARGET_OPSET; opset++) {
    it(`operator set ${opset}`, async () => {
      const original = await readFile(fixture(`forms-opset${opset}.onnx`));
      const upgraded = upgradeModel(parseModel(original));
      expect(upgraded.opset).toBe(TARGET_OPSET);
      const image = noise(4 * 6 * 5, opset);
      const expected = await run(original, image);
      expect(Object.keys(expected).length).toBeGreaterThan(40);
      const actual = await run(serializeModel(upgraded), image);
      for (const [name, { dims, data }] of Object.entries(expected)) {
        expect(actual[name].dims, name).toEqual(dims);
        const error = Math.max(...Array.from(data as Float32Array, (value, i) => Math.abs(value - Number(actual[name].data[i]))));
        expect(error, name).toBeLessThan(1e-5);
      }
    });
  }
});

describe('what cannot be upgraded is refused', async () => {
  const model = await readModel(fixture('forms-opset13.onnx'));

  it('operator sets that are too old', () => {
    const { message, hint } = refusal(() => upgradeModel({ ...model, opset: 6 }));
    expect(message).toMatch(/operator set 6, but the oldest that is supported is 7/);
    expect(hint).toContain('version_converter');
  });

  it('operator sets that are too new', () => {
    expect(refusal(() => upgradeModel({ ...model, opset: 99 })).message).toMatch(/operator set 99/);
  });

  it('operators with no counterpart', async () => {
    for (const name of ['upsample-opset9', 'resize-opset10']) {
      const old = await readModel(fixture(`${name}.onnx`));
      expect(refusal(() => upgradeModel(old)).hint).toContain('opset_version 11');
    }
    const nodes = model.graph.nodes.map((node) => (node.op === 'BatchNormalization' ? { ...node, attributes: { spatial: { kind: 'int', value: 0 } as const } } : node));
    expect(refusal(() => upgradeModel({ ...model, opset: 8, graph: { ...model.graph, nodes } })).message).toContain('spatial');
  });

  it('a model of the target set or later is left as it is', () => {
    for (const opset of [TARGET_OPSET, 21]) {
      const newer: OnnxModel = { ...model, opset };
      expect(upgradeModel(newer)).toBe(newer);
    }
  });

  it('control flow on the way to the target', async () => {
    const { message } = refusal(() => new NetworkGraph(controlFlow, 'logits'));
    expect(message).toContain('If \'choice\'');
  });
  const controlFlow = await readModel(fixture('control-flow.onnx'));
});

describe('foldConstants', () => {
  it('makes Constant nodes initializers', async () => {
    const { graph } = await readModel(loadCase('clip-constant-nodes').modelPath);
    expect(graph.nodes.filter(({ op }) => op === 'Constant')).toHaveLength(2);
    const folded = foldConstants(graph);
    expect(folded.nodes.some(({ op }) => op === 'Constant')).toBe(false);
    const [, low, high] = folded.nodes.find(({ op }) => op === 'Clip')!.inputs;
    expect([low, high].map((name) => folded.initializers.get(name)!.toNumbers())).toEqual([[-0.25], [0.5]]);
  });

  it('follows copies of weights, and widens half precision', () => {
    const half = new OnnxTensor([2], DataType.float16, Uint8Array.of(0x00, 0x3e, 0x80, 0xc0));
    const b = new GraphBuilder();
    const weight = b.cast(b.node('Identity', [b.constant(half)]), DataType.float32);
    b.add('x', weight);
    const folded = foldConstants({ name: 'g', nodes: b.nodes, initializers: b.initializers, inputs: [], outputs: [] });
    expect(folded.nodes.map(({ op }) => op)).toEqual(['Add']);
    const tensor = folded.initializers.get(weight)!;
    expect([tensor.type, tensor.dims, tensor.toNumbers()]).toEqual([DataType.float32, [2], [1.5, -2.25]]);
  });

  it('leaves a constant that is an output of the graph where it is', () => {
    const b = new GraphBuilder();
    const y = b.node('Identity', [b.floats([1])]);
    const graph = { name: 'g', nodes: b.nodes, initializers: b.initializers, inputs: [], outputs: [{ name: y, type: DataType.float32, shape: [1] }] };
    expect(foldConstants(graph).nodes).toHaveLength(1);
  });
});
