import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeNpz } from '../../src/formats/numpy/npz.js';
import { VOC_CLASSES } from '../../src/datasets/classes/voc.js';
import { photograph, writeTinyClassifier } from '../pipeline/tiny.js';
import { messageOf, run } from './terminal.js';

let folder: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-program-'));
  model = join(folder, 'tiny.onnx');
  // BGR, with means and deviations of its own; class 4 has a map of zeros.
  await writeTinyClassifier(model, { silent: 4 });
});
afterAll(() => rm(folder, { recursive: true }));

const int64 = (values: readonly number[]): Tensor => new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);

/** The maps that `cam` writes for a PNG. */
async function mapsOfCam(photo: string, classes: readonly number[], ...flags: string[]): Promise<Float32Array> {
  const { code, stderr } = await run('cam', photo, '--model', model, '--class', classes.join(','), '--npz', '--out', folder, ...flags);
  expect(code, stderr).toBe(0);
  return decodeNpz(await readFile(photo.replace('.png', '.npz'))).get('maps')!.values as Float32Array;
}

describe('model cam-program', () => {
  it.each([
    ['the default', []],
    ['the paper', ['--config', 'paper']],
    ['nothing normalised, mean', ['--config', 'paper', '--fuse', 'mean', '--layer-norm', 'none', '--map-norm', 'none', '--scale-layers', 'none']],
    ['corners aligned, softmax', ['--align-corners', '--target', 'softmax']],
    ['nearest, two layers', ['--config', 'paper', '--upsample', 'nearest', '--layers', '/4,/16@hires-cam']],
  ])('gives the maps of cam: %s', async (_, flags) => {
    const out = join(folder, 'program.onnx');
    const made = await run('model', 'cam-program', out, '--model', model, '--size-input', ...flags);
    expect(made.code, made.stderr).toBe(0);
    const session = await InferenceSession.create(await readFile(out));
    expect([session.inputNames, session.outputNames.slice(0, 2)]).toEqual([['image', 'classes', 'size'], ['logits', 'maps']]);
    for (const [seed, width, height, classes] of [[0, 96, 64, [7]], [1, 61, 117, [4, 11, 0]]] as const) {
      const photo = join(folder, `photo${seed}.png`);
      await sharp(await photograph(seed, width, height)).png().toFile(photo);
      const pixels = await sharp(photo).removeAlpha().raw().toBuffer();
      const { maps } = await session.run({ image: new Tensor('uint8', Uint8Array.from(pixels), [1, height, width, 3]), classes: int64(classes), size: int64([height, width]) });
      const expected = await mapsOfCam(photo, classes, '--input-size', 'native', ...flags);
      expect(maps.dims).toEqual([classes.length, height, width]);
      const largest = Math.max(1, ...expected);
      const data = maps.data as Float32Array;
      expect(Math.max(...expected.map((value, i) => Math.abs(value - data[i]))) / largest).toBeLessThan(1e-5);
      expect(Math.max(...expected)).toBeGreaterThan(0);
    }
    await session.release();
  });

  it('gives maps of the size of the photograph, or of another size with --size-input', async () => {
    const plain = join(folder, 'plain.onnx');
    expect((await run('model', 'cam-program', plain, '--model', model)).code).toBe(0);
    const session = await InferenceSession.create(await readFile(plain));
    const image = new Tensor('uint8', Uint8Array.from({ length: 50 * 70 * 3 }, (_, i) => i % 251), [1, 50, 70, 3]);
    const results = await session.run({ image, classes: int64([3, 5]) });
    expect(session.inputNames).toEqual(['image', 'classes']);
    expect(results.maps.dims).toEqual([2, 50, 70]);
    expect(Math.max(...results.maps.data as Float32Array)).toBe(1);
    const sized = join(folder, 'sized.onnx');
    expect((await run('model', 'cam-program', sized, '--model', model, '--size-input')).code).toBe(0);
    const other = await InferenceSession.create(await readFile(sized));
    expect((await other.run({ image, classes: int64([3]), size: int64([123, 45]) })).maps.dims).toEqual([1, 123, 45]);
    await session.release();
    await other.release();
  });

  it('stores its weights in half precision with --half', async () => {
    const [half, whole] = ['half', 'whole'].map((name) => join(folder, `${name}.onnx`));
    expect((await run('model', 'cam-program', half, '--half')).code).toBe(0);
    expect((await run('model', 'cam-program', whole)).code).toBe(0);
    const [small, large] = [await stat(half), await stat(whole)].map(({ size }) => size);
    expect(small / large).toBeLessThan(0.52);
    // The weights of the bundled classifier are half-precision numbers already.
    const image = new Tensor('uint8', Uint8Array.from({ length: 64 * 96 * 3 }, (_, i) => (i * i) % 256), [1, 64, 96, 3]);
    const maps: Float32Array[] = [];
    for (const file of [whole, half]) {
      const session = await InferenceSession.create(await readFile(file));
      maps.push((await session.run({ image, classes: int64([7, 11]) })).maps.data as Float32Array);
      await session.release();
    }
    expect(Math.max(...maps[0].map((value, i) => Math.abs(value - maps[1][i])))).toBeLessThan(1e-6);
  });

  it('tells inputs, outputs and layers', async () => {
    const out = join(folder, 'new', 'layers.onnx');
    const { code, stdout } = await run('model', 'cam-program', out, '--model', model, '--fuse', 'none', '--layers', '/8,/16', '--method', 'layer-cam', '--input', 'tensor');
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      `${out}: operator set 18`, 'input   image: float32 [1, 3, height, width]', 'input   classes: int64 [K]', 'output  logits: float32 [1, 20]',
      expect.stringMatching(/^output {2}layer_0: float32 \[K, height_0, width_0\], \S+@layer-cam$/),
      expect.stringMatching(/^output {2}layer_1: float32 \[K, height_1, width_1\], \S+@layer-cam$/), '',
    ]);
    const { stdout: json } = await run('model', 'cam-program', out, '--model', model, '--json');
    const told = JSON.parse(json) as { inputs: unknown[]; metadata: Record<string, string> };
    expect(told.inputs[0]).toEqual({ name: 'image', type: 'uint8', shape: [1, 'height', 'width', 3] });
    expect(JSON.parse(told.metadata.cam_classes)).toEqual(VOC_CLASSES);
    expect(await readdir(join(folder, 'new'))).toEqual(['layers.onnx']);
  });

  it('says what is wrong, and writes nothing then', async () => {
    const out = join(folder, 'never.onnx');
    const to = async (...flags: string[]): Promise<string> => messageOf(await run('model', 'cam-program', out, '--model', model, ...flags));
    expect(await to('--method', 'score-cam')).toContain('score-cam at');
    expect(await to('--scales', '0.5,1')).toContain('the settings have scales 0.5,1\nturn them off: --scales 1 --no-flip');
    expect(await to('--flip')).toContain('the settings have mirror images');
    expect(await to('--config', 'irn')).toContain('scales 1,0.5,1.5,2 and mirror images');
    expect(await to('--fuse', 'none', '--size-input')).toContain('--fuse none');
    expect(await to('--fuse', 'sum')).toContain('max, mean, none');
    expect(await to('--layers', '/64')).toContain('no feature layer at stride 64');
    const bytes = await readFile(model);
    expect(messageOf(await run('model', 'cam-program', model, '--model', model))).toContain('is an input of this command');
    expect(await readFile(model)).toEqual(bytes);
    await writeFile(join(folder, 'settings.yaml'), 'gamma: 3\n');
    const config = join(folder, 'settings.yaml');
    expect(messageOf(await run('model', 'cam-program', config, '--model', model, '--config', config))).toContain('is an input of this command');
    expect((await readdir(folder)).filter((name) => name.startsWith('never'))).toEqual([]);
  });
});
