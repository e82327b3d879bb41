import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '../../src/onnx/file/read.js';
import { DataType } from '../../src/onnx/tensor.js';
import { serializeModel } from '../../src/onnx/file/write.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import { VOC_CLASSES } from '../../src/datasets/classes/voc.js';
import { relativeError } from '../helpers.js';
import { noise } from '../random.js';
import { withWeights } from '../../src/formats/weights/open.js';
import { fixture, networkFixtures } from '../formats/weights/fixtures.js';
import { safetensorsFile } from '../formats/weights/safetensors-file.js';
import { messageOf, run } from './terminal.js';

interface Report {
  file: string;
  architecture: string;
  format: string;
  wrapper: string | null;
  prefix: string;
  head: string;
  classifier?: string;
  notes?: string[];
  classes: number;
  named: boolean;
  inputSize: [number, number] | null;
  layers: Record<string, string>;
}

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-import-')); });
afterAll(() => rm(folder, { recursive: true }));

const networks = await networkFixtures();

async function importJson(...args: string[]): Promise<Report> {
  const { code, stdout, stderr } = await run('model', 'import', ...args, '--json');
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Report;
}

async function specOf(file: string): Promise<unknown> {
  return JSON.parse((await readModel(file)).metadata.get('voc_seeds') ?? '');
}

/** The preprocessing of torchvision's models, from its documentation. */
const torchvision = { channelOrder: 'rgb', scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

describe('model import', () => {
  it('writes a classifier that computes what PyTorch does, and says how to use it', async () => {
    const out = join(folder, 'new', 'vgg16.onnx');
    expect(await importJson(fixture('vgg16.pth'), '--classes', 'voc', '--out', out)).toEqual({
      file: out, architecture: 'vgg16', format: 'PyTorch', wrapper: 'state_dict', prefix: 'module.', head: 'fc', classes: 20, named: true,
      inputSize: [224, 224], parameters: expect.any(Number) as number,
      layers: { '/1': 'features.3', '/2': 'features.8', '/4': 'features.15', '/8': 'features.22', '/16': 'features.29', '/32': 'features.30' },
    });
    expect(await specOf(out)).toEqual({ logits: 'logits', ...torchvision, classes: [...VOC_CLASSES] });
    const { size, seed, logits } = networks.vgg16.runs[0];
    const session = await ortRuntime.load(serializeModel(await readModel(out)), { threads: 1 });
    const results = await session.run({ image: { type: 'float32', dims: [1, 3, ...size], data: noise(3 * size[0] * size[1], seed) } });
    await session.release();
    expect(relativeError(results.logits.data as Float32Array, logits.fc)).toBeLessThan(1e-5);
    expect(await readdir(join(folder, 'new'))).toEqual(['vgg16.onnx']);
    const inspected = JSON.parse((await run('model', 'inspect', out, '--json')).stdout) as { missing: string[]; classCount: number; operators: { gradient: boolean }[] };
    expect([inspected.missing, inspected.classCount, inspected.operators.filter(({ gradient }) => !gradient)]).toEqual([[], 20, []]);
  });

  it('binds VGG to another size', async () => {
    const out = join(folder, 'sized.onnx');
    expect(await importJson(fixture('vgg11_bn.safetensors'), '--input-size', '160x96', '--out', out)).toMatchObject({ architecture: 'vgg11_bn', format: 'safetensors', inputSize: [160, 96] });
    expect((await readModel(out)).graph.inputs[0].shape).toEqual(['N', 3, 160, 96]);
    expect(messageOf(await run('model', 'import', fixture('resnet18.pth'), '--input-size', '96', '--out', out))).toContain('resnet18 with the head fc takes images of any size');
    expect(messageOf(await run('model', 'import', fixture('vgg16.pth'), '--input-size', '31', '--out', out))).toContain('at least 32x32');
  });

  it('makes a backbone of a finer stride, with a new head that knows no class', async () => {
    const out = join(folder, 'backbone.onnx');
    const report = await importJson(fixture('resnet18.pth'), '--head', 'gap', '--output-stride', '16', '--preprocess', 'caffe', '--out', out);
    expect(report).toMatchObject({ architecture: 'resnet18', format: 'PyTorch, before 1.6', head: 'gap', classes: 20, named: false, inputSize: null });
    expect(Object.entries(report.layers).at(-1)).toEqual(['/16', 'layer4.1.relu']);
    expect(await specOf(out)).toEqual({ logits: 'logits', channelOrder: 'bgr', scale: 1, mean: [104, 117, 123], std: [1, 1, 1], untrained: true });
    const words = await run('model', 'import', fixture('resnet18.pth'), '--head', 'gap', '--out', out);
    expect(words.stdout).toContain('train it with \'voc-seeds train --backbone ');
    // Class names say how many logits there are.
    const names = join(folder, 'names.txt');
    await writeFile(names, 'cat\ndog\n');
    await importJson(fixture('resnet18.pth'), '--head', 'gap', '--classes', names, '--out', out);
    expect((await readModel(out)).graph.outputs[0].shape).toEqual(['N', 2]);
    expect(await specOf(out)).toMatchObject({ classes: ['cat', 'dog'] });
  });

  it('numbers classes without names, and refuses a wrong number of names', async () => {
    const out = join(folder, 'numbered.onnx');
    expect(await importJson(fixture('resnet50.pth'), '--out', out)).toMatchObject({ classes: 3, named: false });
    expect(await specOf(out)).toMatchObject({ classes: ['class_0', 'class_1', 'class_2'] });
    expect(messageOf(await run('model', 'import', fixture('resnet50.pth'), '--classes', 'voc', '--out', out))).toContain('has 3 classes, but 20 names are given');
  });

  it('stores half precision, and keeps batch normalisations', async () => {
    const [whole, half, kept] = ['whole', 'half', 'kept'].map((name) => join(folder, `${name}.onnx`));
    await importJson(fixture('vgg16.pth'), '--out', whole);
    await importJson(fixture('vgg16.pth'), '--half', '--out', half);
    await importJson(fixture('vgg11_bn.safetensors'), '--keep-batch-norm', '--out', kept);
    expect((await readModel(kept)).graph.nodes.filter(({ op }) => op === 'BatchNormalization')).toHaveLength(8);
    const { initializers } = (await readModel(half)).graph;
    // The only tensor of this narrow network that is large enough: 6 x 196 numbers.
    expect([...initializers].filter(([, { type }]) => type === DataType.float16).map(([, { dims }]) => dims)).toEqual([[6, 196]]);
    const saved = (await stat(whole)).size - (await stat(half)).size;
    expect(saved).toBeGreaterThan(2 * 6 * 196 - 200);
    expect(saved).toBeLessThan(2 * 6 * 196);
  });

  it('takes IRN\'s classifier, its classes by their names', async () => {
    const out = join(folder, 'irn.onnx');
    const report = await importJson(fixture('irn.pth'), '--out', out);
    expect(report).toMatchObject({ architecture: 'resnet50', prefix: 'resnet50.', head: 'fc', classes: 20, classifier: 'classifier', inputSize: null });
    expect(Object.entries(report.layers).at(-1)).toEqual(['/16', 'layer4.2.relu']);
    expect(report.notes).toEqual([
      'the parameters have the names of IRN\'s resnet50, so its last stage has stride 1, without dilation (use --last-stride 2 for torchvision\'s)',
      'the logits are assumed to be the 20 VOC classes in the usual order (use --classes for others)',
    ]);
    expect(await specOf(out)).toEqual({ logits: 'logits', ...torchvision, classes: [...VOC_CLASSES] });
    expect((await importJson(fixture('irn.pth'), '--classes', 'voc', '--last-stride', '1', '--out', out)).notes).toBeUndefined();
    expect(Object.keys((await importJson(fixture('irn.pth'), '--last-stride', '2', '--out', out)).layers).at(-1)).toBe('/32');
    expect(Object.keys((await importJson(fixture('irn.pth'), '--output-stride', '8', '--out', out)).layers).at(-1)).toBe('/8');
    expect(messageOf(await run('model', 'import', fixture('irn.pth'), '--output-stride', '32', '--out', out))).toContain('its output stride is 16\nuse --last-stride 2 for the strides of torchvision');
  });

  it('names what is left over, and asks which of two networks to take', async () => {
    const [weights, out] = [join(folder, 'two.safetensors'), join(folder, 'two.onnx')];
    await withWeights(fixture('resnet18.pth'), async ({ dictionaries: [{ tensors }] }) => {
      const twice = ['student.', 'teacher.'].flatMap((prefix) => [...tensors].map(([name, one]) => [prefix + name, one] as const));
      const bias = { ...tensors.get('fc.bias')!, read: () => Promise.resolve(new Float32Array(4)) };
      const slope = { ...bias, shape: [4] };
      const file = await safetensorsFile([...twice.filter(([name]) => name !== 'teacher.bn1.bias'), ['teacher.bn1.bias', slope], ['projector.scale', slope]]);
      await writeFile(weights, file);
    });
    expect(messageOf(await run('model', 'import', weights, '--out', out))).toContain('contains several complete networks, with the prefixes \'student.\', \'teacher.\'\nchoose one, for instance --prefix teacher.');
    const { stdout } = await run('model', 'import', weights, '--prefix', 'teacher', '--out', out);
    expect(stdout).toContain('without the prefix \'teacher.\'');
    expect(stdout).toMatch(/note: \d+ tensors are not part of resnet18: student\.conv1\.weight, .* and \d+ more\. If the original program/);
  });

  it('says it in words', async () => {
    const out = join(folder, 'words.onnx');
    const { code, stdout } = await run('model', 'import', fixture('vgg16.pth'), '--head', 'conv', '--out', out);
    expect(code).toBe(0);
    expect(stdout).toMatch(/words\.onnx: vgg16, \d+\.\d\d million parameters, 20 classes, images of any size\nread as PyTorch, under 'state_dict', without the prefix 'module\.'\n/);
    expect(stdout).toContain('  /16  features.29\n');
  });

  it('says what is wrong, and writes nothing then', async () => {
    const out = join(folder, 'never.onnx');
    const from = (file: string, ...args: string[]) => run('model', 'import', file, ...args, '--out', out);
    expect(messageOf(await from(fixture('os_system.pth')))).toContain('.system, which is refused: only plain values and tensors are supported');
    expect(messageOf(await from(fixture('small.pth')))).toContain('is not recognised: it contains a\n');
    expect(messageOf(await from(fixture('resnet18.pth'), '--arch', 'resnet50'))).toContain('does not match resnet50: missing ');
    expect(messageOf(await from(fixture('resnet18.pth'), '--arch', 'resnet51'))).toContain('resnet50');
    expect(messageOf(await from(join(folder, 'nowhere.pth')))).toContain('do not exist');
    expect(messageOf(await from(fixture('vgg16.pth'), '--output-stride', '16'))).toContain('does not allow an output stride of 16');
    expect(messageOf(await from(fixture('resnet18.pth'), '--output-stride', '12'))).toContain('no feature maps at stride 12');
    expect(messageOf(await run('model', 'import', fixture('vgg16.pth')))).toContain('--out');
    expect((await readdir(folder)).filter((name) => name.startsWith('never'))).toEqual([]);
    const weights = join(folder, 'weights.pth');
    await writeFile(weights, await readFile(fixture('resnet18.pth')));
    expect(messageOf(await run('model', 'import', weights, '--out', join(folder, '.', 'weights.pth')))).toContain('--out is the weights file itself');
    expect(await readFile(weights)).toEqual(await readFile(fixture('resnet18.pth')));
  });
});
