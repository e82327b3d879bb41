import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadClassifier } from '../../src/classifier/load.js';
import { ablateSchema } from '../../src/settings/ablate.js';
import type { SeedSettings } from '../../src/settings/cam.js';
import { parseDecimal } from '../../src/text/decimal.js';
import { generateSchema } from '../../src/settings/generate.js';
import { idleSettings } from '../../src/settings/idle.js';
import { loadConfig, loadSettings } from '../../src/settings/load.js';
import { DEFAULT_PRESET, PRESETS, presetSettings } from '../../src/settings/presets.js';
import { mergeSpecs, preprocessPresets, readSidecar, requireSpec } from '../../src/classifier/spec.js';
import { UserError } from '../../src/errors.js';
import { VOC_CLASSES } from '../../src/datasets/classes/voc.js';
import { tinySpec, writeTinyClassifier } from '../pipeline/tiny.js';

let folder: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-config-'));
  model = join(folder, 'model.onnx');
  await writeTinyClassifier(model);
});
afterAll(() => rm(folder, { recursive: true }));

describe('loadConfig', () => {
  const schema = z.strictObject({ one: z.number().default(1), two: z.number().max(10).default(2), three: z.string().optional() });

  async function load(text: string | undefined, flags: Record<string, unknown> = {}) {
    if (text === undefined) return loadConfig(schema, undefined, flags);
    const file = join(folder, 'config.yaml');
    await writeFile(file, text);
    return loadConfig(schema, file, flags);
  }

  it('takes flags before the file, and the file before defaults', async () => {
    expect(await load(undefined)).toEqual({ one: 1, two: 2 });
    expect(await load('two: 5\nthree: x\n', { three: 'y' })).toEqual({ one: 1, two: 5, three: 'y' });
    expect(await load('two: 5\n', { two: undefined })).toEqual({ one: 1, two: 5 });
    expect(await load('{"one": 3}')).toEqual({ one: 3, two: 2 });
  });

  it('takes an empty file for one without settings', async () => {
    expect(await load('')).toEqual({ one: 1, two: 2 });
    expect(await load('# nothing yet\n')).toEqual({ one: 1, two: 2 });
  });

  it('refuses what is wrong, all of it in one line', async () => {
    const error: unknown = await load('one: text\ntwo: 11\nfour: 4\n').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    const { message } = error as UserError;
    const file = join(folder, 'config.yaml');
    expect(message).toBe(`${file}:1: one is 'text'; it must be a number. ${file}:2: two is 11; it must be at most 10. ${file}:3: there is no setting 'four'; the settings are one, two, three`);
    await expect(load('just text')).rejects.toThrow(`${file}: a configuration must contain settings (name: value), this one contains 'just text'`);
    await expect(load('[1, 2]')).rejects.toThrow('this one contains a list');
    await expect(loadConfig(schema, join(folder, 'nowhere.yaml'), {})).rejects.toThrow(`cannot read the configuration ${join(folder, 'nowhere.yaml')}`);
  });
});

describe('a file of settings', () => {
  const file = (name: string): string => join(folder, name);
  const load = async (text: string | Buffer, name = 'hostile.yaml') => {
    await writeFile(file(name), text);
    return loadConfig(generateSchema, file(name), {});
  };

  it.each<[string, string | Buffer, string]>([
    ['a tab', 'fuse: max\nclassThresholds:\n\tdog: 0.3\n', ':3: the line is indented with a tab, but YAML only allows spaces'],
    ['a setting twice', 'fuse: max\ngamma: 2\nfuse: mean\n', ':3: \'fuse\' is given twice'],
    ['a class twice', 'classThresholds: { dog: 0.3, cat: 0.2, dog: 0.4 }', ':1: \'dog\' is given twice'],
    ['two documents', 'fuse: max\n---\nfuse: mean\n', ':2: a second document starts here'],
    ['a prototype', '__proto__: { threshold: 0.3 }', ':1: there is no setting \'__proto__\''],
    ['a prototype inside', 'fuse: max\nclassThresholds:\n  __proto__: 0.3\n', ':3: there is no setting \'__proto__\''],
    ['bytes', Buffer.from([0x66, 0xff, 0xfe, 0x00]), ' is not UTF-8 text'],
    ['zeros', Buffer.alloc(20), ' is not UTF-8 text'],
    ['what does not end', 'layers: [/8, /16', ':1: this is not YAML: '],
    ['a tag of a program', 'fuse: !!python/name:os.system\n', ':1: this is not YAML: Unresolved tag'],
    ['deep lists', `layers: ${'['.repeat(20_000)}`, ': lists and settings are nested more than 100 levels deep'],
    ['deep lists, closed', `layers: ${'['.repeat(3000)}${']'.repeat(3000)}`, ': lists and settings are nested more than 100 levels deep'],
    ['deep lists of another kind', `layers:\n  ${'- '.repeat(5000)}x`, ': lists and settings are nested more than 100 levels deep'],
    ['deep settings', `layers: ${'{ a: '.repeat(5000)}`, ': lists and settings are nested more than 100 levels deep'],
    ['deep keys', `${'? '.repeat(5000)}x`, ': lists and settings are nested more than 100 levels deep'],
    ['a number as text', 'gamma: 2\nthreshold: "0.3"\n', ':2: threshold is \'0.3\'; it must be a number from 0 to 1 (without quotes)'],
    ['no number', 'threshold: .nan\n', ':1: threshold is NaN; it must be a number from 0 to 1'],
    ['infinity', 'gamma: .inf\n', ':1: gamma is Infinity; it must be a number above 0'],
    ['a decimal comma', 'threshold: 0,3\n', ':1: threshold is \'0,3\'; it must be a number from 0 to 1'],
    ['nothing', 'threshold:\n', ':1: threshold is empty; it must be a number from 0 to 1'],
    ['YAML 1.1', 'flip: yes\n', ':1: flip is \'yes\'; it must be true or false'],
    ['a word for a list', 'layers: /32\n', ':1: layers is \'/32\'; it must be a list of one or more strings'],
    ['a misspelt setting', '# mine\ntreshold: 0.3\n', ':2: there is no setting \'treshold\'; did you mean threshold?'],
    ['a misspelt value', 'fuse: maen\n', ':1: fuse is \'maen\'; it must be max or mean (did you mean mean?)'],
    ['a number out of range', 'scales:\n  - 1\n  - 0\n', ':3: scales[1] is 0; it must be above 0'],
    ['half a worker', 'workers: 1.5\n', ':1: workers is 1.5; it must be a whole number from 1 to 1024'],
    ['a pair of thresholds', 'threshold: 0.3\nbackgroundThreshold: 0.5\n', ':2: backgroundThreshold is 0.5; it must not be above threshold in '],
  ])('with %s is refused, with its line', async (_, text, message) => {
    await expect(load(text)).rejects.toThrow(`${file('hostile.yaml')}${message}`);
    await expect(load(text)).rejects.toBeInstanceOf(UserError);
  });

  it('with aliases that unfold to millions of values is refused', async () => {
    const bomb = Array.from({ length: 10 }, (_, i) => `a${i}: &a${i} [${Array<string>(9).fill(i === 0 ? 'x' : `*a${i - 1}`).join(', ')}]`);
    await expect(load(bomb.join('\n'))).rejects.toThrow('hostile.yaml: its aliases (*name) expand to too much');
  });

  it('is read in linear time, and only up to a size', async () => {
    const started = performance.now();
    const many = Array.from({ length: 50_000 }, (_, i) => `k${i}: 1\n`).join('');
    await expect(load(many)).rejects.toThrow(/hostile\.yaml:1: there is no setting 'k0'.*There are 49992 more errors$/);
    await expect(load(`classThresholds: { ${Array.from({ length: 50_000 }, (_, i) => `k${i}: 1`).join(', ')} }`)).rejects.toThrow('\'k0\' is not a VOC class');
    expect(performance.now() - started).toBeLessThan(30_000);
    await expect(load('#'.repeat(2 ** 20 + 1))).rejects.toThrow('hostile.yaml has 1048577 bytes, more than the limit of 1048576 bytes');
  });

  it('that is a folder, or is not there, is told; a misspelt preset as well', async () => {
    const fails = (name: string, presets?: readonly string[]) => (
      loadConfig(generateSchema, name, {}, { presets }).catch((error: unknown) => error as UserError));
    expect(await fails(folder)).toMatchObject({ message: `${folder} is a folder` });
    expect(await fails('bset')).toMatchObject({ message: 'there is no preset or file called \'bset\'', hint: 'did you mean best?' });
    expect(await fails('quick')).toMatchObject({ hint: 'give one of fast, best, paper, irn' });
    expect(await fails('configs/papr.yml')).toMatchObject({ hint: 'did you mean the preset paper?' });
    expect(await fails('best', [])).toMatchObject({ hint: 'best is a preset of generate, cam and ablate; this command takes a file' });
  });

  it('and flags are told apart', async () => {
    await writeFile(file('mixed.yaml'), 'threshold: 0.3\n');
    const fails = (flags: Record<string, unknown>, config = file('mixed.yaml')) => (
      loadConfig(generateSchema, config, flags).catch((error: unknown) => (error as UserError).message));
    expect(await fails({ threshold: 7 })).toBe('--threshold is 7; it must be from 0 to 1');
    expect(await fails({ backgroundThreshold: 0.4 })).toBe(`--background-threshold is 0.4; it must not be above threshold in ${file('mixed.yaml')}:1, which is 0.3`);
    expect(await fails({ backgroundThreshold: 0.6 }, 'fast')).toBe('--background-threshold is 0.6; it must not be above threshold of the preset fast, which is 0.53');
    expect(await fails({ backgroundThreshold: 0.6, threshold: 0.5 })).toBe('--background-threshold is 0.6; it must not be above --threshold, which is 0.5');
    expect(await fails({ classThresholds: { dog: 3 } })).toBe('--class-thresholds: dog is 3; it must be from 0 to 1');
    expect(await fails({ scoreCamBatch: 0.5 })).toBe('--score-cam-batch is 0.5; it must be a whole number from 1 up');
  });
});

describe('presets', () => {
  it('a file that sets nothing is the preset paper, as help says; layercam is its former name', async () => {
    expect(await loadConfig(generateSchema, 'paper', {})).toEqual(generateSchema.parse({}));
    expect(await loadConfig(generateSchema, 'layercam', {})).toEqual(generateSchema.parse({}));
    const fails = loadConfig(generateSchema, 'layercam', { backgroundThreshold: 0.6 });
    await expect(fails).rejects.toThrow('--background-threshold is 0.6; it must not be above threshold of the preset paper, which is 0.4');
  });

  it('ablate takes those of their settings that it has', async () => {
    // As configs/fast.yaml says.
    const { layers, gamma, refine, ...others } = await loadConfig(ablateSchema, 'fast', {});
    expect([layers, gamma, refine]).toEqual([['/8', '/16', '/32@grad-cam'], 3, 'random-walk:beta=600']);
    expect(others).not.toHaveProperty('threshold');
    await writeFile(join(folder, 'threshold.yaml'), 'threshold: 0.3\n');
    await expect(loadConfig(ablateSchema, join(folder, 'threshold.yaml'), {})).rejects.toThrow('there is no setting \'threshold\'; did you mean thresholds?');
  });

  it('set nothing that no flag could take back: ablate prints flags for what generate starts from', () => {
    const { backgroundThreshold, scoreCamTopK } = presetSettings(generateSchema, DEFAULT_PRESET);
    expect([backgroundThreshold, scoreCamTopK]).toEqual([undefined, undefined]);
  });

  it.each(PRESETS)('%s passes every check', async (preset) => {
    await expect(loadConfig(generateSchema, preset, {})).resolves.toEqual(presetSettings(generateSchema, preset));
  });
});

describe('loadSettings', () => {
  it('gives the complete settings of seeds, of a preset or a file', async () => {
    const { gamma, conflict, threshold, ...others } = await loadSettings('fast', { threshold: 0.5 });
    expect([gamma, conflict, threshold]).toEqual([3, 'argmax', 0.5]);
    expect(others).not.toHaveProperty('png');
    await writeFile(join(folder, 'seeds.yaml'), 'gamma: 5\n');
    expect(await loadSettings(join(folder, 'seeds.yaml'))).toMatchObject({ gamma: 5, threshold: 0.4, layers: ['/8', '/16', '/32'] });
  });

  it('names what is wrong as the library calls it', async () => {
    await expect(loadSettings('fast', { gamma: -1 })).rejects.toThrow(/^gamma is -1; it must be above 0$/);
    await expect(loadSettings('fast', { refine: 'pmar' })).rejects.toThrow('refine is \'pmar\'; there is no refiner "pmar"; did you mean pamr?');
    await expect(loadSettings('bset')).rejects.toThrow('there is no preset or file called \'bset\'');
  });
});

describe('checks beyond the type', () => {
  const load = async (text: string) => {
    await writeFile(join(folder, 'checked.yaml'), text);
    return loadConfig(ablateSchema, join(folder, 'checked.yaml'), {});
  };

  it.each([
    ['refine: pmar:iteration=5', ':1: refine is \'pmar:iteration=5\'; there is no refiner "pmar"; did you mean pamr?'],
    ['grid:\n  refine: [none, "pamr:iteration=5"]', ':2: grid.refine[1] is \'pamr:iteration=5\'; the refiner pamr has no option "iteration"; did you mean iterations?'],
    ['variants:\n  - { name: a }\n  - { name: b, edgeUpsample: guide }', ':3: variants[1].edgeUpsample is \'guide\'; there is no upsampler "guide"; did you mean guided?'],
    ['grid:\n  layers:\n    - [/8]\n    - [/16, /32@gradcam]', ':4: grid.layers[1] is ["/16","/32@gradcam"]; there is no method \'gradcam\' for the layer /32@gradcam; did you mean grad-cam?'],
    ['grid:\n  fuze: [max]', ':2: there is no setting \'fuze\' in grid; did you mean fuse?'],
    ['variants: [{ name: a, gama: 3 }]', ':1: there is no setting \'gama\' in variants[0]; did you mean gamma?'],
  ])('names the line of a grid or variant: %j', async (text, message) => {
    await expect(load(text)).rejects.toThrow(`checked.yaml${message}`);
  });

  it('knows the classes', () => {
    const schema = generateSchema;
    expect(schema.safeParse({ classThresholds: { 'dog': 0.3, 'TV monitor': 0.4 } }).success).toBe(true);
    expect(schema.safeParse({ classThresholds: { dogg: 0.3 } }).error?.issues[0].message).toBe('\'dogg\' is not a VOC class; did you mean dog?');
    expect(schema.safeParse({ classThresholds: { bike: 0.3, bicycle: 0.3 } }).error?.issues[0].message).toContain('there are two thresholds for bicycle');
  });
});

describe('parseDecimal', () => {
  it('takes numbers as people write them, and nothing else', () => {
    for (const [text, value] of [['0.3', 0.3], ['.5', 0.5], ['5.', 5], ['-1', -1], ['+2', 2], ['1e-4', 0.0001], [' 7 ', 7]] as const) expect(parseDecimal(text)).toBe(value);
    for (const text of ['', ' ', '0x10', '0b1', 'Infinity', 'NaN', '1e400', '1_000', '1,5', '1 2', '--1', 'one']) expect(parseDecimal(text), text).toBeUndefined();
  });
});

describe('idleSettings', () => {
  const base = generateSchema.parse({
    layers: ['/8', '/32'], method: 'layer-cam', scaleLayers: 'shallow', scales: [1], flip: false, refine: 'none',
    conflict: 'argmax', background: 'constant',
  });
  const idle = (changes: Partial<SeedSettings>): string[] => (
    [...idleSettings({ ...base, ...changes }).keys()].sort());
  const always = ['alpha', 'classThresholds', 'conflictMargin', 'finerStrength', 'fuseFirst', 'percentile', 'refineNorm', 'scaleFuse', 'scaleNorm', 'scoreCamBatch', 'scoreCamTopK'];

  it('names what has no effect', () => {
    expect(idle({})).toEqual(always);
    expect(idle({ layers: ['/32'] })).toEqual([...always, 'fuse', 'gamma', 'scaleLayers'].sort());
    expect(idle({ layers: ['/32'], scaleLayers: 'all' })).toEqual([...always, 'fuse'].sort());
    expect(idle({ scaleLayers: 'none' })).toEqual([...always, 'gamma'].sort());
    expect(idle({ flip: true, conflict: 'ignore', refine: 'pamr' })).toEqual(['alpha', 'classThresholds', 'finerStrength', 'percentile', 'scoreCamBatch', 'scoreCamTopK']);
    expect(idle({ background: 'power' })).toEqual([...always.filter((name) => name !== 'alpha'), 'threshold'].sort());
    expect(idle({ background: 'per-class' })).toEqual(always.filter((name) => name !== 'classThresholds'));
    expect(idle({ layers: ['/8', '/32@score-cam'] })).toEqual(always.filter((name) => !name.startsWith('scoreCam')));
    expect(idle({ target: 'finer' })).toEqual(always.filter((name) => name !== 'finerStrength'));
    expect(idle({ method: 'ablation-cam' })).toEqual(always.filter((name) => name !== 'scoreCamBatch'));
  });
});

describe('the specification of a model', () => {
  const sidecar = (ending: string): string => `${model}.${ending}`;
  afterEach(async () => { for (const ending of ['json', 'yaml', 'yml']) await rm(sidecar(ending), { force: true }); });

  it('comes from flags, then from the file beside the model, then from its metadata', async () => {
    expect((await loadClassifier(model)).spec).toEqual(tinySpec);
    await writeFile(sidecar('yaml'), 'channelOrder: rgb\nscale: 2\n');
    expect((await loadClassifier(model)).spec).toEqual({ ...tinySpec, channelOrder: 'rgb', scale: 2 });
    expect((await loadClassifier(model, { scale: 3, mean: [1, 2, 3] })).spec).toEqual({ ...tinySpec, channelOrder: 'rgb', scale: 3, mean: [1, 2, 3] });
  });

  it.each([['json', '{"scale": 7}'], ['yaml', 'scale: 7'], ['yml', 'scale: 7']])('reads a sidecar in .%s', async (ending, text) => {
    expect(await readSidecar(model)).toEqual({});
    await writeFile(sidecar(ending), text);
    expect(await readSidecar(model)).toEqual({ scale: 7 });
  });

  it.each([
    ['json', '{"scale": ', 'json:1: this is not YAML'], ['yaml', 'logits: x\nscale: no', 'yaml:2: scale is \'no\'; it must be a number above 0'],
    ['yaml', 'scales: 1', 'yaml:1: there is no setting \'scales\'; did you mean scale?'], ['yaml', 'std: [1, 0, 1]', 'std[1] is 0; it must be above 0'],
    ['yaml', 'mean: 5', 'mean is 5; it must be a list of 3 numbers'], ['json', '[]', 'json: it is []; it must be settings (name: value)'],
    ['json', '', 'json: it is empty; it must be settings'], ['yaml', 'scale: 1\nscale: 2', 'yaml:2: \'scale\' is given twice'],
  ])('refuses a sidecar that is wrong: .%s %j', async (ending, text, message) => {
    await writeFile(sidecar(ending), text);
    await expect(loadClassifier(model)).rejects.toThrow(message);
    await expect(loadClassifier(model)).rejects.toThrow(`${model}.${ending}`);
  });

  it.each([['{"scale": ', 'is not JSON'], ['{"scale": "x"}', 'scale is \'x\'; it must be a number above 0'], ['{"colour": 1}', 'there is no setting \'colour\'']])('refuses metadata that is wrong: %j', async (metadata, message) => {
    const path = join(folder, 'metadata.onnx');
    await writeTinyClassifier(path, { metadata });
    await expect(loadClassifier(path)).rejects.toThrow(message);
    await expect(loadClassifier(path)).rejects.toThrow(path);
  });

  it('that is not complete is refused with the flags that are missing', () => {
    const call = (): unknown => requireSpec({ scale: 1, mean: [0, 0, 0] }, 'm.onnx', ['logits', 'channelOrder', 'scale', 'mean', 'std', 'classes'], 'its outputs are prob, aux');
    expect(call).toThrow('m.onnx does not specify its logits, channelOrder, std, classes');
    try {
      call();
    } catch (error) {
      const { hint } = error as UserError;
      for (const flag of ['--logits', '--channel-order', '--preprocess', '--std', '--classes', 'm.onnx.yaml', 'prob, aux']) expect(hint).toContain(flag);
      expect(hint).not.toContain('--mean');
    }
    expect(requireSpec({ scale: 1 }, 'm.onnx', ['scale'])).toEqual({ scale: 1 });
  });

  it('must name as many classes as there are logits', async () => {
    await expect(loadClassifier(model, { classes: ['cat', 'dog'] })).rejects.toThrow(`${model} has 20 logits in 'logits', but 2 class names are given`);
    expect((await loadClassifier(model)).spec.classes).toEqual([...VOC_CLASSES]);
  });

  it('merges part by part', () => {
    expect(mergeSpecs({ metadata: { scale: 1, logits: 'a' }, sidecar: { scale: 2 }, flags: {} })).toEqual({ scale: 2, logits: 'a' });
    expect(mergeSpecs({ metadata: {}, sidecar: { scale: 2, logits: 'b' }, flags: { logits: 'c' } })).toEqual({ scale: 2, logits: 'c' });
  });

  it('has presets that give what the frameworks document', () => {
    const value = (name: string, pixel: number, channel: number): number => {
      const { scale, mean, std } = preprocessPresets[name];
      return (pixel * scale - mean[channel]) / std[channel];
    };
    // torchvision: ToTensor, then Normalize. TensorFlow: -1..1. Caffe: mean pixel of ILSVRC in BGR.
    expect(value('torchvision', 255, 0)).toBeCloseTo((1 - 0.485) / 0.229, 12);
    expect(value('torchvision', 0, 2)).toBeCloseTo(-0.406 / 0.225, 12);
    expect([value('tensorflow', 0, 1), value('tensorflow', 127.5, 1), value('tensorflow', 255, 1)]).toEqual([-1, 0, 1]);
    expect([0, 1, 2].map((channel) => value('caffe', 128, channel))).toEqual([24, 11, 5]);
    expect(preprocessPresets.caffe.channelOrder).toBe('bgr');
  });
});
