import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '../../src/onnx/file/read.js';
import { tinySpec, writeTinyClassifier } from '../pipeline/tiny.js';
import { messageOf, run } from './terminal.js';

interface Report {
  file: string;
  outputStride: { before: number; after: number };
  changes: { op: string; tensor: string; strides: Pairs; dilations: Pairs; pads: number[] }[];
  layers: { before: Record<string, string>; after: Record<string, string> };
}
interface Pairs { before: number[]; after: number[] }

let folder: string;
let whole: string;
let bare: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-dilate-'));
  whole = join(folder, 'whole.onnx');
  bare = join(folder, 'bare.onnx');
  // Five 3x3 convolutions of stride 2.
  await writeTinyClassifier(whole);
  await writeTinyClassifier(bare, { metadata: null });
});
afterAll(() => rm(folder, { recursive: true }));

describe('model dilate', () => {
  it('writes a network of a smaller stride and tells what it changed', async () => {
    const out = join(folder, 'new', 's8.onnx');
    const { code, stdout, stderr } = await run('model', 'dilate', whole, '--output-stride', '8', '--out', out, '--json');
    expect([code, stderr]).toEqual([0, '']);
    const { file, outputStride, changes, layers } = JSON.parse(stdout) as Report;
    expect([file, outputStride]).toEqual([out, { before: 32, after: 8 }]);
    expect(changes.map(({ op, strides, dilations, pads }) => ({ op, strides, dilations, pads }))).toEqual([
      { op: 'Conv', strides: { before: [2, 2], after: [1, 1] }, dilations: { before: [1, 1], after: [1, 1] }, pads: [1, 1, 1, 1] },
      { op: 'Conv', strides: { before: [2, 2], after: [1, 1] }, dilations: { before: [1, 1], after: [2, 2] }, pads: [2, 2, 2, 2] },
    ]);
    expect(Object.keys(layers.before)).toEqual(['/2', '/4', '/8', '/16', '/32']);
    expect(layers.after).toEqual({ '/2': layers.before['/2'], '/4': layers.before['/4'], '/8': layers.before['/32'] });

    const [before, after] = [await readModel(whole), await readModel(out)];
    expect(after.metadata).toEqual(before.metadata);
    expect(after.graph.outputs).toEqual(before.graph.outputs);
    for (const [name, tensor] of after.graph.initializers) expect(tensor, name).toEqual(before.graph.initializers.get(name));
    expect(after.graph.initializers.size).toBe(before.graph.initializers.size);
    const inspected = JSON.parse((await run('model', 'inspect', out, '--json')).stdout) as { layers: { name: string; stride: number }[]; spec: unknown };
    expect(inspected.spec).toEqual(tinySpec);
    // Both former stages are there, at the new stride.
    const strides = Object.fromEntries(inspected.layers.map(({ name, stride }) => [name, stride]));
    expect([layers.before['/16'], layers.before['/32']].map((name) => strides[name])).toEqual([8, 8]);
    expect(await readdir(join(folder, 'new'))).toEqual(['s8.onnx']);
  });

  it('tells it in words', async () => {
    const out = join(folder, 's16.onnx');
    const { code, stdout } = await run('model', 'dilate', whole, '--output-stride', '16', '--out', out);
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe(`${out}: output stride 32 -> 16, 1 window changed`);
    expect(lines[1]).toMatch(/^ {2}Conv +\S+ +stride 2 -> 1, padding 1$/);
    expect(lines[2]).toBe('feature layers now at stride 16, with their former aliases:');
    expect(lines[3]).toMatch(/^ {2}\/16 {3}\S+$/);
    expect(lines[4]).toMatch(/^ {2}\/32 {3}\S+, now \/16$/);
    expect(lines[4]).not.toContain(lines[3].slice(8));
    const further = await run('model', 'dilate', out, '--output-stride', '8', '--out', join(folder, 'further.onnx'));
    expect(further.stdout).toMatch(/stride 2 -> 1, padding 1\n.*\bdilation 1 -> 2, padding 2\n/);
  });

  it('writes down what a sidecar and flags say', async () => {
    const out = join(folder, 'told.onnx');
    await writeFile(`${bare}.yaml`, 'logits: logits\nscale: 0.5\n');
    expect((await run('model', 'dilate', bare, '--output-stride', '16', '--out', out, '--mean', '1,2,3')).code).toBe(0);
    await rm(`${bare}.yaml`);
    expect(JSON.parse((await readModel(out)).metadata.get('voc_seeds') ?? '')).toEqual({ logits: 'logits', scale: 0.5, mean: [1, 2, 3] });
    // The only output is the target where nothing is said.
    expect((await run('model', 'dilate', bare, '--output-stride', '16', '--out', out)).code).toBe(0);
    expect((await readModel(out)).metadata.size).toBe(0);
  });

  it('says what is wrong, and writes nothing then', async () => {
    const out = join(folder, 'never.onnx');
    const to = (...args: string[]) => run('model', 'dilate', ...args, '--out', out);
    expect(messageOf(await to(whole, '--output-stride', '12'))).toContain('no feature maps at stride 12\nits strides are 2, 4, 8, 16, 32');
    expect(messageOf(await to(whole, '--output-stride', '32'))).toContain('the network already has an output stride of 32');
    expect(messageOf(await to(whole, '--output-stride', '1.5'))).toContain('Expected a whole number of pixels');
    expect(messageOf(await to(whole))).toContain('--output-stride');
    expect(messageOf(await run('model', 'dilate', whole, '--output-stride', '16'))).toContain('--out');
    expect(messageOf(await to(join(folder, 'nowhere.onnx'), '--output-stride', '16'))).toContain('nowhere.onnx');
    expect(messageOf(await to(whole, '--output-stride', '16', '--logits', 'scores'))).toContain('no tensor called \'scores\'');
    expect((await readdir(folder)).filter((name) => name.startsWith('never'))).toEqual([]);
    const bytes = await readFile(whole);
    expect(messageOf(await run('model', 'dilate', whole, '--output-stride', '16', '--out', join(folder, '.', 'whole.onnx')))).toContain('--out is the model itself');
    expect(await readFile(whole)).toEqual(bytes);
  });
});
