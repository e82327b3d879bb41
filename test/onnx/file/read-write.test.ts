import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { parseModel, readModel } from '../../../src/onnx/file/read.js';
import { DataType, OnnxTensor } from '../../../src/onnx/tensor.js';
import { serializeModel, writeModel } from '../../../src/onnx/file/write.js';
import { ortRuntime } from '../../../src/runtime/ort/ort.js';
import { loadCase } from '../../fixtures/load.js';
import { repository } from '../../helpers.js';

const fixture = (name: string): string => resolve(repository, 'test/fixtures/onnx', name);

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-onnx-')); });
afterAll(async () => { await rm(folder, { recursive: true }); });

async function refusal(path: string): Promise<UserError> {
  const error: unknown = await readModel(path).then(() => undefined, (reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
}

describe('reading and writing', async () => {
  const bytes = await readFile(fixture('attributes.onnx'));
  const first = parseModel(bytes);
  const again = parseModel(serializeModel(first));

  for (const [name, model] of [['read', first], ['written and read again', again]] as const) {
    const { graph } = model;
    const [node] = graph.nodes;

    it(`${name}: operator sets, producer and metadata`, () => {
      expect([model.irVersion, model.opset, [...model.otherOpsets], model.producer]).toEqual([8, 13, [['com.example', 3]], 'fixtures 1.2']);
      expect([...model.metadata]).toEqual([['key', 'value'], ['names', '["grün", "b"]'], ['empty', '']]);
    });

    it(`${name}: graph, inputs and outputs`, () => {
      expect(graph.name).toBe('everything');
      expect(graph.inputs).toEqual([{ name: 'x', type: DataType.float32, shape: ['N', 3, null, 4] }]);
      expect(graph.outputs).toEqual([{ name: 'y', type: DataType.float32, shape: undefined }]);
      expect([...graph.initializers.keys()]).toEqual(['w']);
      expect(graph.initializers.get('w')!.toNumbers()).toEqual([1, 2]);
    });

    it(`${name}: a node with inputs and outputs left out`, () => {
      const { name: own, op, domain, inputs, outputs } = node;
      expect({ own, op, domain, inputs, outputs }).toEqual({ own: 'node', op: 'Everything', domain: 'com.example', inputs: ['x', '', 'w'], outputs: ['y', ''] });
    });

    it(`${name}: attributes of every kind`, () => {
      const { a_tensor: tensor, a_graph: graphAttribute, ...plain } = node.attributes;
      expect(plain).toEqual({
        a_float: { kind: 'float', value: Math.fround(0.1) },
        an_int: { kind: 'int', value: -5 },
        a_large_int: { kind: 'int', value: 2 ** 53 - 1 },
        a_string: { kind: 'string', value: 'grün' },
        ints: { kind: 'ints', value: [1, -2, 2 ** 40] },
        // "To the end", as 64 bits say it: the largest numbers that JavaScript counts with.
        to_the_end: { kind: 'ints', value: [Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER] },
        floats: { kind: 'floats', value: [0.5, -0.25] },
        strings: { kind: 'strings', value: ['a', 'é', ''] },
      });
      if (tensor.kind !== 'tensor' || graphAttribute.kind !== 'graph') throw new Error('wrong kinds');
      expect([tensor.value.dims, tensor.value.type, tensor.value.toNumbers()]).toEqual([[2, 3], DataType.int64, [0, 1, 2, 3, 4, 5]]);
      expect([graphAttribute.value.name, graphAttribute.value.node?.map(({ op_type, output }) => [op_type, output])]).toEqual(['body', [['Relu', ['inner']]]]);
    });
  }

  it('initializers that an old file lists among the inputs are no inputs', async () => {
    const { graph } = await readModel(fixture('initializer-among-inputs.onnx'));
    expect(graph.inputs.map(({ name }) => name)).toEqual(['x']);
  });

  it('writes files that ONNX Runtime runs to the same result', async () => {
    const { modelPath, runs: [{ shape, input, logits }] } = loadCase('squeezenet-like');
    const path = join(folder, 'written.onnx');
    await writeModel(path, await readModel(modelPath));
    const session = await ortRuntime.load(await readFile(path), { threads: 1 });
    const result = await session.run({ input: { type: 'float32', dims: shape, data: input } });
    await session.release();
    logits.forEach((value, i) => { expect(result.logits.data[i]).toBeCloseTo(value, 4); });
  });
});

describe('memory', () => {
  it('weights are views of the file, not copies', async () => {
    const bytes = await readFile(loadCase('resnet-like').modelPath);
    for (const source of [bytes, new Uint8Array(bytes)]) {
      const { graph } = parseModel(source);
      expect(graph.initializers.size).toBeGreaterThan(10);
      for (const { bytes: own } of graph.initializers.values()) {
        expect(own.buffer).toBe(source.buffer);
        expect(own.byteOffset).toBeGreaterThanOrEqual(source.byteOffset);
        expect(own.byteOffset + own.byteLength).toBeLessThanOrEqual(source.byteOffset + source.byteLength);
      }
    }
  });

  it('so are floats in the typed field', async () => {
    const bytes = await readFile(fixture('storage.onnx'));
    expect(parseModel(bytes).graph.initializers.get('typed/FLOAT')!.bytes.buffer).toBe(bytes.buffer);
  });

  it('writing copies the weights once', () => {
    const bytes = 4 * 2 ** 20;
    const initializers = new Map(Array.from({ length: 6 }, (_, i) => [`w${i}`, OnnxTensor.float32([bytes / 4], new Float32Array(bytes / 4).fill(i))]));
    const nodes = [...initializers.keys()].map((name) => ({ name, op: 'Add', domain: '', inputs: ['x', name], outputs: [`${name}/y`], attributes: {} }));
    const before = process.memoryUsage().arrayBuffers;
    const written = serializeModel({
      irVersion: 8, opset: 18, otherOpsets: new Map(), producer: '', metadata: new Map(),
      graph: { name: 'g', nodes, initializers, inputs: [], outputs: [] },
    });
    const grown = process.memoryUsage().arrayBuffers - before;
    expect(written.byteLength).toBeGreaterThan(6 * bytes);
    expect(grown).toBeLessThan(6.5 * bytes);
  });
});

describe('weights in side files', () => {
  it('are read from the model\'s folder', async () => {
    const { graph } = await readModel(fixture('external.onnx'));
    expect(graph.initializers.get('first')!.toNumbers()).toEqual([0, 1, 2, 3]);
    expect(graph.initializers.get('second')!.toNumbers()).toEqual([0.5, -7]);
  });

  it('become part of the file that is written', async () => {
    const path = join(folder, 'inlined.onnx');
    await writeModel(path, await readModel(fixture('external.onnx')));
    expect((await readModel(path)).graph.initializers.get('second')!.toNumbers()).toEqual([0.5, -7]);
  });

  for (const name of ['external-outside.onnx', 'external-absolute.onnx']) {
    it(`are refused outside of it: ${name}`, async () => {
      const { message } = await refusal(fixture(name));
      expect(message).toMatch(/'first'.*outside the model's folder: '(\.\.\/load\.ts|\/etc\/hostname)'/);
    });
  }

  it('are named where they are missing or too short', async () => {
    expect((await refusal(fixture('external-missing.onnx'))).message).toContain('none.bin');
    const short = await refusal(fixture('external-short.onnx'));
    expect(short.message).toMatch(/data\.bin, which ends 8 bytes early/);
    expect(short.hint).toContain('side file');
  });

  it('need a path', async () => {
    const bytes = await readFile(fixture('external.onnx'));
    expect(() => parseModel(bytes)).toThrow(/side file/);
  });
});

describe('files that cannot be read', () => {
  it('a truncated file, wherever it ends', async () => {
    const whole = loadCase('resnet-like').modelPath;
    const { length } = await readFile(whole);
    const path = join(folder, 'truncated.onnx');
    for (const share of [0.999, 0.9, 0.5, 0.1, 0.01]) {
      await copyFile(whole, path);
      await truncate(path, Math.floor(length * share));
      const { message, hint } = await refusal(path);
      expect(message).toContain('truncated.onnx');
      expect(hint).toContain('complete');
    }
  });

  for (const [name, content] of [['text', 'This is no model.\n'.repeat(20)], ['html', '<!DOCTYPE html><html></html>'], ['json', '{"a": 1}'], ['empty', ''], ['zeros', '\0'.repeat(64)]]) {
    it(`a file of other content: ${name}`, async () => {
      const path = join(folder, `${name}.onnx`);
      await writeFile(path, content);
      expect((await refusal(path)).message).toMatch(new RegExp(`${name}\\.onnx (is not a readable ONNX model|contains no ONNX graph)`));
    });
  }

  it('a missing file and a folder', async () => {
    expect((await refusal(join(folder, 'none.onnx'))).message).toMatch(/no model file at .*none\.onnx/);
    expect((await refusal(folder)).message).toContain(folder);
  });

  it('local functions and sparse weights', async () => {
    const functions = await refusal(fixture('local-function.onnx'));
    expect(functions.message).toMatch(/local functions \(Twice\)/);
    expect(functions.hint).toContain('inline');
    expect((await refusal(fixture('sparse.onnx'))).message).toContain('sparse');
  });
});
