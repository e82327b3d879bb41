import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '../../src/onnx/file/read.js';
import { VOC_CLASSES } from '../../src/datasets/classes/voc.js';
import type { OnnxModel } from '../../src/onnx/model.js';
import { writeModel } from '../../src/onnx/file/write.js';
import { computed, linearHead, smallModel } from '../onnx/small-model.js';
import { withSideFile } from '../onnx/file/side-file.js';
import { tinySpec, writeTinyClassifier } from '../pipeline/tiny.js';
import { messageOf, run } from './terminal.js';

interface Inspection {
  file: string; producer: string; opset: number; inputs: string[]; outputs: string[]; parameters: number;
  operators: { name: string; count: number; gradient: boolean }[];
  layers: { name: string; channels: number; stride: number; rectified: boolean; cut: boolean; alias?: string }[];
  spec: Record<string, unknown>;
  missing: string[];
}

let folder: string;
let whole: string;
let bare: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-model-'));
  whole = join(folder, 'whole.onnx');
  bare = join(folder, 'bare.onnx');
  await writeTinyClassifier(whole);
  await writeTinyClassifier(bare, { classes: ['ant', 'bee'], metadata: null });
});
afterAll(() => rm(folder, { recursive: true }));

const spec = async (path: string): Promise<unknown> => JSON.parse((await readModel(path)).metadata.get('voc_seeds') ?? 'null');
const copy = async (name: string, of = bare): Promise<string> => {
  await cp(of, join(folder, name));
  return join(folder, name);
};

describe('model inspect', () => {
  it('tells layers, operators, preprocessing and classes as JSON', async () => {
    const { code, stdout, stderr } = await run('model', 'inspect', whole, '--json');
    expect([code, stderr]).toEqual([0, '']);
    const report = JSON.parse(stdout) as Inspection;
    expect(report).toMatchObject({
      file: whole, classCount: 20, producer: 'test', opset: 18, inputs: ['image: float32 [N, 3, H, W]'], outputs: ['logits: float32 [N, 20]'], missing: [], spec: tinySpec,
    });
    // 3x3 kernels and biases, channel by channel, and the head.
    expect(report.parameters).toBe((3 * 6 + 6 * 8 + 8 * 8 + 8 * 10 + 10 * 12) * 9 + (6 + 8 + 8 + 10 + 12) + 12 * 20);
    const counts = Object.fromEntries(report.operators.map(({ name, count }) => [name, count]));
    expect(counts).toMatchObject({ Conv: 6, Relu: 5, GlobalAveragePool: 1, Flatten: 1 });
    expect(report.operators.every(({ gradient }) => gradient)).toBe(true);
    const aliased = report.layers.filter(({ alias }) => alias !== undefined);
    expect(aliased.map(({ alias, channels, stride, rectified, cut }) => ({ alias, channels, stride, rectified, cut }))).toEqual(
      [[2, 6], [4, 8], [8, 8], [16, 10], [32, 12]].map(([stride, channels]) => ({ alias: `/${stride}`, channels, stride, rectified: true, cut: true })));
  });

  it('tells it in words', async () => {
    const { code, stdout } = await run('model', 'inspect', whole);
    expect(code).toBe(0);
    expect(stdout).toContain(`${whole}: operator set 18, 0.00 million parameters, by test`);
    expect(stdout).toContain('order bgr');
    expect(stdout).toContain('20: aeroplane, bicycle, bird, boat, bottle, bus, ...');
    expect(stdout).toMatch(/^ {2}\/16 +\S+ +10 channels, stride 16$/m);
    expect(stdout).toMatch(/^ {2}Conv +x6 +yes$/m);
    expect(stdout).not.toContain('not told');
    const every = await run('model', 'inspect', whole, '--all-layers');
    expect(every.stdout.split('\n').length).toBe(stdout.split('\n').length + 5);
    expect(every.stdout).toContain('not rectified');
  });

  it('says what a model does not tell', async () => {
    const { code, stdout } = await run('model', 'inspect', bare);
    expect(code).toBe(0);
    expect(stdout).toContain('unknown: logits, channelOrder, scale, mean, std, classes; add them to the model with \'voc-seeds model annotate\'');
    const given = JSON.parse((await run('model', 'inspect', bare, '--preprocess', 'caffe', '--json')).stdout) as Inspection;
    expect(given.missing).toEqual(['logits', 'classes']);
    const named = await run('model', 'inspect', bare, '--classes', 'voc', '--logits', 'logits');
    expect(named.stdout).toContain('bus, ...; WRONG: the model has 2 logits');
  });

  it('refuses what is no model', async () => {
    expect(messageOf(await run('model', 'inspect', join(folder, 'nowhere.onnx')))).toContain('nowhere.onnx');
    const text = join(folder, 'text.onnx');
    await writeFile(text, 'this is no model, but a text that is long enough to be taken for one');
    expect(messageOf(await run('model', 'inspect', text))).toContain('text.onnx');
    await writeFile(text, '');
    expect(messageOf(await run('model', 'inspect', text))).toContain('text.onnx');
    expect(messageOf(await run('model', 'inspect', folder))).toContain(folder);
    expect(messageOf(await run('model', 'inspect'))).toContain('missing required argument \'file\'');
  });
});

describe('model annotate', () => {
  it('writes into the file, or into another one', async () => {
    const path = await copy('in-place.onnx');
    const flags = ['--logits', 'logits', '--preprocess', 'torchvision'];
    const expected = { logits: 'logits', channelOrder: 'rgb', scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    const other = join(folder, 'other.onnx');
    expect(await run('model', 'annotate', path, '--out', other, ...flags)).toMatchObject({ code: 0, stderr: '' });
    expect(await readFile(path)).toEqual(await readFile(bare));
    expect(await spec(other)).toEqual(expected);
    const { code, stdout } = await run('model', 'annotate', path, ...flags, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(expected);
    expect(await readFile(path)).toEqual(await readFile(other));
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('adds to what is known; single flags override a preset', async () => {
    const path = await copy('more.onnx');
    const classes = join(folder, 'classes.txt');
    await writeFile(classes, 'ant\r\n\r\nhoney bee\n');
    await run('model', 'annotate', path, '--preprocess', 'caffe', '--mean', '1,2,3');
    await run('model', 'annotate', path, '--classes', classes, '--logits', 'logits', '--scale', '0.5', '--model-input-size', '224');
    expect(await spec(path)).toEqual({
      channelOrder: 'bgr', scale: 0.5, mean: [1, 2, 3], std: [1, 1, 1], classes: ['ant', 'honey bee'], logits: 'logits', inputSize: [224, 224],
    });
  });

  it('refuses a number of class names that is not the number of logits', async () => {
    const path = await copy('two.onnx');
    const message = `${path} has 2 logits in 'logits', but 20 class names are given`;
    expect(messageOf(await run('model', 'annotate', path, '--logits', 'logits', '--classes', 'voc'))).toContain(message);
    expect(await spec(path)).toBeNull();
    await run('model', 'annotate', path, '--logits', 'logits');
    expect(messageOf(await run('model', 'annotate', path, '--classes', 'voc'))).toContain(message);
  });

  it('refuses a tensor that is not there or holds no logits', async () => {
    expect(messageOf(await run('model', 'annotate', bare, '--logits', 'scores'))).toContain('no tensor called \'scores\'');
    const { layers } = JSON.parse((await run('model', 'inspect', whole, '--json')).stdout) as Inspection;
    expect(messageOf(await run('model', 'annotate', whole, '--logits', layers[0].name))).toContain('logits are [N, classes]');
  });

  it('mends metadata that is broken', async () => {
    const path = join(folder, 'broken.onnx');
    await writeTinyClassifier(path, { metadata: '{"logits": ' });
    expect(messageOf(await run('model', 'inspect', path))).toContain('is not JSON');
    const { code } = await run('model', 'annotate', path, '--logits', 'logits', '--classes', 'voc', '--preprocess', 'tensorflow');
    expect(code).toBe(0);
    expect(await spec(path)).toMatchObject({ logits: 'logits', classes: [...VOC_CLASSES], scale: 1 / 127.5 });
  });

  it('says what is wrong', async () => {
    expect(messageOf(await run('model', 'annotate', bare))).toContain('nothing to write');
    expect(messageOf(await run('model', 'annotate', bare, '--classes', join(folder, 'nowhere.txt')))).toContain('cannot read the class names in');
    const empty = join(folder, 'empty.txt');
    await writeFile(empty, '\n\n');
    expect(messageOf(await run('model', 'annotate', bare, '--classes', empty))).toContain('contains no class names');
    expect(messageOf(await run('model', 'annotate', join(folder, 'nowhere.onnx'), '--logits', 'logits'))).toContain('nowhere.onnx');
    expect(messageOf(await run('model', 'annotate', bare, '--std', '0', '--logits', 'logits'))).toContain('Expected a number above 0');
    expect(messageOf(await run('model', 'annotate', bare, '--logits', 'logits', '--out', join(empty, 'x.onnx')))).toContain(`cannot write ${empty}`);
    expect((await run('model', 'annotate', bare, '--logits', 'logits', '--out', join(folder, 'new', 'x.onnx'))).code).toBe(0);
    expect(await spec(bare)).toBeNull();
  });
});

describe('models as exporters write them', () => {
  const write = async (name: string, model: OnnxModel): Promise<string> => {
    await writeModel(join(folder, name), model);
    return join(folder, name);
  };
  const softmax = () => smallModel((b, x) => b.alias(b.node('Softmax', [linearHead(b, x)], { axis: 1 }), 'probs'));
  const names = async (): Promise<string> => {
    await writeFile(join(folder, 'five.txt'), 'a\nb\nc\nd\ne\n');
    return join(folder, 'five.txt');
  };

  it('of an output behind Softmax, inspect tells the tensor before it, and annotate writes that one', async () => {
    const path = await write('softmax.onnx', softmax());
    expect((await run('model', 'inspect', path)).stdout).toMatch(/^logits +unknown; 'probs' is the output of Softmax; the scores before it are 'logits'$/m);
    const { activation } = JSON.parse((await run('model', 'inspect', path, '--json')).stdout) as { activation: unknown };
    expect(activation).toEqual({ op: 'Softmax', of: 'probs', before: 'logits' });
    const { code, stderr } = await run('model', 'annotate', path, '--logits', 'probs', '--preprocess', 'torchvision', '--classes', await names());
    expect([code, stderr]).toEqual([0, `note: ${path}: 'probs' is computed by Softmax; the class scores before it are used, 'logits'\n`]);
    expect(await spec(path)).toMatchObject({ logits: 'logits' });
  });

  it('a hint names the scores, not the probabilities', async () => {
    const path = await write('told-nothing.onnx', softmax());
    const message = messageOf(await run('model', 'annotate', path, '--logits', 'scores'));
    expect(message).toContain('its outputs are probs (after Softmax; the scores before it are \'logits\')');
  });

  it('of a fixed batch', async () => {
    const free = await write('batch.onnx', smallModel(linearHead, { shape: [8, 3, 16, 16] }));
    expect((await run('model', 'inspect', free)).stdout).toMatch(/^batch +8 images declared, but any number works$/m);
    const bound = await write('bound.onnx', smallModel((b, x) => b.alias(b.reshape(b.transpose(x, [1, 0, 2, 3]), [8, -1]), 'logits'), { shape: [8, 3, 16, 16] }));
    expect((await run('model', 'inspect', bound)).stdout).toMatch(/^cannot list the layers: the model only works on 8 images at once: .*export it with a free batch or a batch of 1/m);
  });

  it('layers that no gradient reaches are told with the reason', async () => {
    const path = await write('odd.onnx', smallModel((b, x) => linearHead(b, b.relu(b.node('ThresholdedRelu', [x])))));
    const { stdout } = await run('model', 'inspect', path, '--all-layers');
    expect(stdout).toMatch(/^ .* feat_a .*NOT USABLE with gradients: the operator ThresholdedRelu has no gradient rule/m);
    expect(stdout).toMatch(/^ .* feat_b [^,]*, stride 2[^,]*$/m);
  });

  it('weights in a side file go into a model that is written elsewhere, and stay where it is not', async () => {
    const path = join(folder, 'side', 'model.onnx');
    const model = smallModel(linearHead);
    await withSideFile(path, model, 'weights.bin');
    const flags = ['--logits', 'logits', '--preprocess', 'torchvision', '--classes', await names()];
    const elsewhere = join(folder, 'elsewhere', 'deep', 'model.onnx');
    const { code, stderr } = await run('model', 'annotate', path, '--out', elsewhere, ...flags);
    expect([code, stderr]).toEqual([0, `note: the weights of ${path} are in weights.bin; those of ${elsewhere} are in the model file\n`]);
    expect(await readdir(join(folder, 'elsewhere', 'deep'))).toEqual(['model.onnx']);
    const copied = await readModel(elsewhere);
    expect([copied.sideFiles, JSON.parse(copied.metadata.get('voc_seeds')!)]).toMatchObject([undefined, { logits: 'logits' }]);
    expect(await computed(copied, 'logits', [8, 8])).toEqual(await computed(model, 'logits', [8, 8]));
    // Beside the model and in its place the side file serves all of them.
    for (const beside of ['other.onnx', 'model.onnx']) {
      expect((await run('model', 'annotate', path, '--out', join(folder, 'side', beside), ...flags)).stderr).toBe('');
      const read = await readModel(join(folder, 'side', beside));
      expect(read.sideFiles).toEqual(['weights.bin']);
      expect(await computed(read, 'logits', [8, 8])).toEqual(await computed(model, 'logits', [8, 8]));
    }
    expect((await readdir(join(folder, 'side'))).sort()).toEqual(['model.onnx', 'other.onnx', 'weights.bin']);
  });

  it('a preset that is a name of JavaScript\'s own is refused', async () => {
    expect(messageOf(await run('model', 'annotate', bare, '--preprocess', 'constructor'))).toContain('Allowed are torchvision');
  });
});
