import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClassifierGraph } from '../../../src/classifier/classifier.js';
import { UserError } from '../../../src/errors.js';
import type { OnnxModel, OnnxNode } from '../../../src/onnx/model.js';
import { ModelType } from '../../../src/onnx/proto.js';
import { parseModel, readModel } from '../../../src/onnx/file/read.js';
import { OnnxTensor } from '../../../src/onnx/tensor.js';
import { serializeModel } from '../../../src/onnx/file/write.js';
import { linearHead, smallModel } from '../small-model.js';

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-hostile-')); });
afterAll(async () => { await rm(folder, { recursive: true }); });

const model = (): OnnxModel => smallModel(linearHead);

/** The error of reading and preparing a model whose nodes were changed. */
function refusal(change: (nodes: OnnxNode[]) => OnnxNode[], base = model()): UserError {
  const changed = { ...base, graph: { ...base.graph, nodes: change([...base.graph.nodes]) } };
  try {
    void new ClassifierGraph(parseModel(serializeModel(changed), 'm.onnx'), 'logits');
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return error as UserError;
  }
  throw new Error('it was accepted');
}

describe('operators that are not known', () => {
  const renamed = (op: string, domain = '') => (nodes: OnnxNode[]): OnnxNode[] => nodes.map((node) => (node.op === 'Relu' ? { ...node, op, domain } : node));

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'NonMaxSuppression'])('%s', (op) => {
    expect(refusal(renamed(op)).message).toMatch(new RegExp(`^the operator of ${op} '.+' is not supported$`));
  });

  it.each([
    ['com.microsoft', 'FusedConv', /ONNX Runtime has optimised/, /use the original model/],
    ['com.microsoft.nchwc', 'Conv', /ONNX Runtime has optimised/, /use the original model/],
    ['ai.onnx.ml', 'ZipMap', /not an operator of neural networks/, /--logits/],
    ['org.example', 'Relu', /is a custom operator/, /only the operators of ONNX/],
  ])('of the domain %s', (domain, op, message, hint) => {
    const error = refusal(renamed(op, domain));
    expect(error.message).toContain(`${domain}.${op} '`);
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
  });

  it('attributes and tensors called __proto__ are names like others', () => {
    const named = (nodes: OnnxNode[]): OnnxNode[] => nodes.map((node) => ({
      ...node, inputs: node.inputs.map((name) => (name === 'feat_a' ? '__proto__' : name)), outputs: node.outputs.map((name) => (name === 'feat_a' ? '__proto__' : name)),
      attributes: Object.fromEntries([...Object.entries(node.attributes), ['__proto__', { kind: 'int', value: 1 }]]),
    }));
    const { graph, ...rest } = model();
    const read = parseModel(serializeModel({ ...rest, graph: { ...graph, nodes: named([...graph.nodes]) } }));
    expect(Object.hasOwn(read.graph.nodes[0].attributes, '__proto__')).toBe(true);
    expect(new ClassifierGraph(read, 'logits').layers.map(({ name }) => name)).toContain('__proto__');
  });

  it('an attribute of the wrong kind', () => {
    expect(refusal((nodes) => nodes.map((node) => (node.op === 'Gemm' ? { ...node, attributes: { transB: { kind: 'string', value: 'x' } } } : node))).message)
      .toMatch(/attribute 'transB' of Gemm '.+' is of kind string, not int$/);
  });

  it('batch normalisation as it works in training', () => {
    const { graph, ...rest } = model();
    const vector = OnnxTensor.float32([4], [1, 1, 1, 1]);
    const training = {
      ...rest, graph: { ...graph, initializers: new Map([...graph.initializers, ['v', vector]]) },
    };
    const error = refusal((nodes) => nodes.map((node) => (node.outputs[0] === 'feat_a'
      ? { ...node, op: 'BatchNormalization', inputs: [node.inputs[0], 'v', 'v', 'v', 'v'], attributes: { training_mode: { kind: 'int', value: 1 } } }
      : node)), training);
    expect(error.message).toMatch(/training mode/);
    expect(error.hint).toMatch(/evaluation mode/);
  });
});

describe('graphs that are none', () => {
  it('nodes in any order are brought into theirs', () => {
    const { graph, ...rest } = model();
    const shuffled = parseModel(serializeModel({ ...rest, graph: { ...graph, nodes: [...graph.nodes].reverse() } }));
    expect(shuffled.graph.nodes.map(({ outputs }) => outputs)).toEqual(graph.nodes.map(({ outputs }) => outputs));
  });

  it('a circle', () => {
    expect(refusal((nodes) => nodes.map((node) => (node.outputs[0] === 'feat_a' ? { ...node, inputs: ['feat_b'] } : node))).message).toMatch(/^m\.onnx: .*the graph has a cycle/);
    expect(refusal((nodes) => nodes.map((node) => (node.op === 'Relu' ? { ...node, inputs: [node.outputs[0]] } : node))).message).toMatch(/depends on its own output/);
  });

  it('a tensor that nobody makes, one that two nodes make, and a node that makes none', () => {
    expect(refusal((nodes) => nodes.slice(1)).message).toMatch(/^m\.onnx: .* reads '.+', which no node produces/);
    expect(refusal((nodes) => [...nodes, nodes[0]]).message).toMatch(/^m\.onnx: .* produces '.+', but a tensor of that name exists already/);
    expect(refusal((nodes) => [...nodes, { ...nodes[0], outputs: ['input'] }]).message).toMatch(/produces 'input', but a tensor of that name exists already/);
    expect(refusal((nodes) => [...nodes, { ...nodes[0], outputs: [] }]).message).toMatch(/has no output/);
  });

  it.each([[[-1, -4]], [[2 ** 31, 2 ** 31]], [[2 ** 53 - 1, 2 ** 53 - 1]], [[4, 1]]])('a tensor of shape %j that holds four bytes', (dims) => {
    const { graph, ...rest } = model();
    const odd = new OnnxTensor(dims, 1, new Uint8Array(4));
    expect(() => parseModel(serializeModel({ ...rest, graph: { ...graph, initializers: new Map([...graph.initializers, ['odd', odd]]) } }), 'm.onnx')).toThrow(/tensor 'odd' of m\.onnx/);
  });

  it('a window without a size', () => {
    for (const name of ['strides', 'dilations']) {
      expect(refusal((nodes) => nodes.map((node) => (node.op === 'Conv' ? { ...node, attributes: { [name]: { kind: 'ints', value: [0, 1] } } } : node))).message)
        .toMatch(new RegExp(`${name} \\[0, 1\\]`));
    }
  });
});

interface Stored { name: string; raw_data: Uint8Array; dims: number[] }

describe('weights in side files', () => {
  /** A model whose head lies in `side.bin`, in bytes 16 to 96. */
  async function written(change: Record<string, string | undefined>, place: 'initializer' | 'attribute' = 'initializer'): Promise<string> {
    const { graph, ...rest } = model();
    const proto = ModelType.toObject(ModelType.decode(serializeModel({ ...rest, graph }))) as {
      graph: { initializer: Stored[]; node: object[] };
    };
    const head = proto.graph.initializer.find(({ dims }) => dims.length === 2 && dims.map(Number).join() === '5,4')!;
    await writeFile(join(folder, 'side.bin'), Buffer.concat([Buffer.alloc(16), head.raw_data]));
    const entries = { location: 'side.bin', offset: '16', length: '80', ...change };
    const external = {
      ...head, raw_data: new Uint8Array(), data_location: 1,
      external_data: Object.entries(entries).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }])),
    };
    proto.graph.initializer = proto.graph.initializer.flatMap((tensor) => (tensor !== head ? [tensor] : place === 'attribute' ? [] : [external]));
    if (place === 'attribute') proto.graph.node.unshift({ op_type: 'Constant', output: [head.name], attribute: [{ name: 'value', type: 4, t: external }] });
    const path = join(folder, 'm.onnx');
    await writeFile(path, ModelType.encode(ModelType.fromObject(proto)).finish());
    return path;
  }

  it.each(['initializer', 'attribute'] as const)('of an %s are read where they lie', async (place) => {
    const read = await readModel(await written({}, place));
    expect(read.sideFiles).toEqual(['side.bin']);
    const side = await readFile(join(folder, 'side.bin'));
    const expected = new Float32Array(side.buffer.slice(side.byteOffset + 16, side.byteOffset + 96));
    const found = place === 'attribute'
      ? read.graph.nodes.flatMap(({ attributes }) => Object.values(attributes)).flatMap((each) => (each.kind === 'tensor' ? [each.value] : []))
      : [...read.graph.initializers.values()].filter(({ dims }) => dims.join() === '5,4');
    expect(found.map((tensor) => Array.from(tensor.toFloat32()))).toEqual([Array.from(expected)]);
  });

  it.each([
    ['a negative offset', { offset: '-4' }, /offset .* is '-4'/], ['a fraction', { offset: '1.5' }, /offset .* is '1\.5'/],
    ['2^60', { offset: String(2n ** 60n) }, /offset/], ['hexadecimal digits', { offset: '0x10' }, /offset/], ['words', { offset: 'abc' }, /offset .* is 'abc'/],
    ['an empty one', { offset: '' }, /offset/], ['a power of ten', { offset: '1e1' }, /offset/],
    ['an offset behind the end', { offset: '4096' }, /ends \d+ bytes early/], ['one that reaches beyond it', { offset: '20' }, /ends 4 bytes early/],
    ['a negative length', { length: '-80' }, /length/], ['a length of another shape', { length: '40' }, /has 40 bytes .* needs 80/],
    ['a length beyond all memory', { length: String(2 ** 52) }, /needs 80/],
    ['a file that is not there', { location: 'gone.bin' }, /gone\.bin/], ['no file', { location: undefined }, /outside the model's folder/],
    ['a file elsewhere', { location: '../side.bin' }, /outside the model's folder/], ['an absolute one', { location: '/etc/hostname' }, /outside the model's folder/],
    ['a folder', { location: 'folder' }, /is a folder, not a file/],
  ])('%s is refused with tensor and file', async (_, change, message) => {
    await mkdir(join(folder, 'folder'), { recursive: true });
    const path = await written(change);
    const error: unknown = await readModel(path).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(message);
    expect((error as UserError).message).toContain(path);
  });

  it.skipIf(process.platform === 'win32')('a pipe is refused at once, as a side file and as the model', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(readModel(await written({ location: 'pipe' }))).rejects.toThrow(/not a regular file/);
    await expect(readModel(pipe)).rejects.toThrow(/not a regular file/);
  });
});
