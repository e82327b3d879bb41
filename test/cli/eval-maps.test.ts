import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeNpz } from '../../src/formats/numpy/npz.js';
import { messageOf, run } from './terminal.js';

const fixtures = fileURLToPath(new URL('../fixtures/maps/', import.meta.url));
const expected = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8')) as { steps: number; full: number[]; half: number[]; enlarged: number[] };

let folder: string;
let root: string;
let common: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-eval-maps-'));
  root = join(folder, 'VOC2012');
  await cp(join(fixtures, 'masks'), join(root, 'SegmentationClass'), { recursive: true });
  await mkdir(join(root, 'ImageSets/Segmentation'), { recursive: true });
  await writeFile(join(root, 'ImageSets/Segmentation/all.txt'), 'a\nb\nc\nd\n');
  common = ['eval', '--voc-root', root, '--split', 'all', '--thresholds', String(expected.steps)];
});
afterAll(() => rm(folder, { recursive: true }));

interface Json {
  images: { scored: number; missingMaps: string[]; failures: { id: string; message: string }[] };
  maps: { keyBase: number; mismatches: string[]; arrays: string[]; resized: number };
  curve: { threshold: number; meanIou: number }[];
  best: { threshold: number; meanIou: number; sawMasks: boolean };
  threshold: number;
  sawMasks: boolean;
  scores: { error: { meanIou: number } };
}

async function json(...flags: string[]): Promise<Json> {
  const { code, stdout, stderr } = await run(...common, ...flags, '--json');
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Json;
}

const close = (curve: Json['curve'], wanted: readonly number[]): void => {
  expect(curve.map(({ threshold }) => threshold)).toEqual(Array.from({ length: expected.steps }, (_, i) => i / expected.steps));
  curve.forEach(({ meanIou }, i) => { expect(meanIou).toBeCloseTo(wanted[i], 12); });
};

describe('eval --maps', () => {
  it.each([
    ['irn', 0, ['high_res'], 'full'], ['psa', 0, [], 'full'], ['seeds', 1, ['maps'], 'full'], ['clip-es', 0, ['attn_highres'], 'half'],
  ] as const)('equals numpy at every threshold on the dumps of %s', async (dumps, keyBase, arrays, curve) => {
    const result = await json('--maps', join(fixtures, dumps));
    expect(result.images).toEqual({ scored: 4, missingTruths: [], missingMaps: [], failures: [] });
    expect(result.maps).toEqual({ keyBase, mismatches: [], arrays, resized: 0, aboveOne: 0 });
    close(result.curve, expected[curve]);
    // The best one: 0.5, by the table of numpy's scores.
    expect(result.best).toEqual({ ...result.curve[10], sawMasks: true });
    expect(result.threshold).toBe(0.5);
    expect(result.sawMasks).toBe(true);
    expect(result.scores.error.meanIou).toBeCloseTo(expected[curve][10], 12);
  });

  it('does the same in worker threads as in its own', async () => {
    // Two chunks of 16, of the same four images under other names.
    const many = join(folder, 'many');
    await mkdir(join(many, 'VOC2012/SegmentationClass'), { recursive: true });
    const names: string[] = [];
    for (let i = 0; i < 20; i++) {
      const from = 'abcd'[i % 4];
      names.push(`n${i}`);
      await cp(join(fixtures, `masks/${from}.png`), join(many, `VOC2012/SegmentationClass/n${i}.png`));
      await cp(join(fixtures, `psa/${from}.npy`), join(many, `cams/n${i}.npy`));
    }
    await writeFile(join(many, 'list.txt'), names.join('\n'));
    const flags = ['eval', '--voc-root', join(many, 'VOC2012'), '--split', join(many, 'list.txt'), '--maps', join(many, 'cams'), '--thresholds', '20', '--json'];
    const outcomes = [await run(...flags, '--workers', '1'), await run(...flags, '--workers', '2')];
    for (const { code, stdout } of outcomes) {
      expect(code).toBe(0);
      close((JSON.parse(stdout) as Json).curve, expected.full);
    }
  });

  it('enlarges small maps, and says so', async () => {
    const result = await json('--maps', join(fixtures, 'irn'), '--array', 'cam');
    expect(result.maps).toMatchObject({ arrays: ['cam'], resized: 3 });
    // In single precision a pixel may lie on the other side of a threshold.
    result.curve.forEach(({ meanIou }, i) => { expect(Math.abs(meanIou - expected.enlarged[i])).toBeLessThan(2e-3); });
    const { stderr } = await run(...common, '--maps', join(fixtures, 'irn'), '--array', 'cam');
    expect(stderr).toContain('the maps of 3 images were resized to the size of their masks');
  });

  it('takes the threshold that it is given', async () => {
    const result = await json('--maps', join(fixtures, 'psa'), '--threshold', '0.35');
    expect(result.threshold).toBe(0.35);
    expect(result.sawMasks).toBe(false);
    expect(result.scores.error.meanIou).toBeCloseTo(expected.full[7], 12);
  });

  it('prints the curve and a table by class', async () => {
    const { code, stdout, stderr } = await run(...common, '--maps', join(fixtures, 'irn'));
    expect(code).toBe(0);
    expect(stdout).toContain(`|     0.350 | ${(100 * expected.full[7]).toFixed(2).padStart(8)} |`);
    expect(stdout).toContain('At threshold 0.5, the best one (chosen with these masks):');
    expect(stdout).toMatch(new RegExp(`\\*\\*mean\\*\\*.*${(100 * expected.full[10]).toFixed(2)}`));
    expect(stderr).toContain('class indices begin at 0; maps are read from \'high_res\'');
  });

  it('writes the scores by class as CSV', async () => {
    const file = join(folder, 'scores.csv');
    expect((await run(...common, '--maps', join(fixtures, 'irn'), '--csv', file)).code).toBe(0);
    const mean = (await readFile(file, 'utf8')).split('\n').find((line) => line.startsWith('error,,mean,'))!;
    expect(Number(mean.split(',')[3])).toBeCloseTo(expected.full[10], 12);
  });

  it('reports maps whose keys are read with the wrong base', async () => {
    const result = await json('--maps', join(fixtures, 'irn'), '--keys', '0');
    expect(result.maps.mismatches).toEqual([]);
    // Key 0 does not exist when keys begin at 1.
    expect(messageOf(await run(...common, '--maps', join(fixtures, 'irn'), '--keys', '1'))).toContain('the keys of the maps are 0..19, which does not fit --keys 1');
    const { code, stdout, stderr } = await run(...common, '--ids', 'a,b', '--maps', join(fixtures, 'irn'), '--keys', '1', '--json');
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as Json).maps).toMatchObject({ keyBase: 1, mismatches: ['a', 'b'] });
    expect(stderr).toContain('the keys of 2 of 2 images do not match their classes: a, b');
  });

  it('takes labels from a list, which must be all of an image\'s keys', async () => {
    const list = join(folder, 'labels.txt');
    await writeFile(list, 'a boat person\nb cat dog\nc aeroplane dog tvmonitor\nd\n');
    const result = await json('--maps', join(fixtures, 'irn'), '--labels', `list:${list}`);
    // boat is 4, not 3: neither base fits a and b, but c and d fit from 0.
    expect(result.maps).toMatchObject({ keyBase: 0, mismatches: ['a', 'b'] });
  });

  it('counts an image whose annotation is broken as failed, and scores the others', async () => {
    await mkdir(join(root, 'Annotations'), { recursive: true });
    const names = { a: ['boat', 'person'], c: ['aeroplane', 'dog', 'tvmonitor'], d: [] };
    for (const [id, classes] of Object.entries(names)) {
      await writeFile(join(root, `Annotations/${id}.xml`), `<annotation>${classes.map((name) => `<object><name>${name}</name></object>`).join('')}</annotation>`);
    }
    await writeFile(join(root, 'Annotations/b.xml'), '<annotation/><annotation/>');
    const { code, stdout, stderr } = await run(...common, '--maps', join(fixtures, 'irn'), '--labels', 'xml', '--json');
    expect(code).toBe(2);
    expect((JSON.parse(stdout) as Json).images).toMatchObject({ scored: 3, failures: [{ id: 'b' }] });
    expect(stderr).toMatch(/failed b: .*b\.xml: not well-formed XML: it has 2 root elements/);
  });

  it('does not say where class indices begin if no map was read', async () => {
    const maps = join(folder, 'none-read');
    for (const id of 'abcd') {
      await mkdir(maps, { recursive: true });
      await cp(join(fixtures, 'hostile/a.npy'), join(maps, `${id}.npy`));
    }
    const { code, stdout, stderr } = await run(...common, '--maps', maps, '--json');
    expect(code).toBe(2);
    expect((JSON.parse(stdout) as Json).maps.keyBase).toBeNull();
    expect(stderr).not.toContain('class indices begin');
  });

  it('counts what is missing or broken', async () => {
    const maps = join(folder, 'broken');
    await cp(join(fixtures, 'psa'), maps, { recursive: true });
    await rm(join(maps, 'b.npy'));
    expect(messageOf(await run(...common, '--maps', maps))).toContain('maps are missing in');
    await cp(join(fixtures, 'hostile/a.npy'), join(maps, 'a.npy'));
    const { code, stdout, stderr } = await run(...common, '--maps', maps, '--allow-missing', '--json');
    expect(code).toBe(2);
    const { images } = JSON.parse(stdout) as Json;
    expect(images).toMatchObject({ scored: 2, missingMaps: ['b'] });
    expect(images.failures.map(({ id }) => id)).toEqual(['a']);
    expect(stderr).toContain('left out, without maps (1): b');
  });

  it('says what to do where nothing fits', async () => {
    expect(messageOf(await run(...common, '--maps', join(folder, 'nowhere')))).toContain('does not exist');
    expect(messageOf(await run(...common, '--maps', folder))).toContain('has no maps <id>.npz or <id>.npy for any of the 4 images');
    expect(messageOf(await run(...common, '--maps', join(fixtures, 'irn'), '--threshold', '0.33'))).toContain('--threshold 0.33 is not one of the thresholds');
    const one = join(folder, 'one');
    await mkdir(one);
    await writeFile(join(one, 'b.npz'), encodeNpz({ keys: { shape: [1], data: Int32Array.of(15) }, maps: { shape: [1, 12, 31], data: new Float32Array(12 * 31) } }));
    expect(messageOf(await run(...common, '--ids', 'b', '--maps', one))).toContain('the classes of the images do not show whether the keys of the maps');
  });

  it('divides maps by their maximum where it is asked to', async () => {
    const doubled = join(folder, 'doubled');
    await mkdir(doubled);
    // The map of b, 2 x 1 pixels of it above the threshold after division.
    const data = new Float32Array(12 * 31);
    data[0] = 8;
    data[1] = 5;
    await writeFile(join(doubled, 'b.npz'), encodeNpz({ keys: { shape: [1], data: Int32Array.of(8) }, maps: { shape: [1, 12, 31], data } }));
    const foreground = async (...flags: string[]): Promise<number> => {
      const { stdout } = await run(...common, '--ids', 'b', '--maps', doubled, '--threshold', '0.75', '--json', ...flags);
      const confusion = (JSON.parse(stdout) as { confusion: number[][] }).confusion;
      return confusion.reduce((sum, row) => sum + row[8], 0);
    };
    expect(await foreground()).toBe(2);
    expect(await foreground('--map-norm', 'max')).toBe(1);
  });
});
