import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadClassifier } from '../../src/classifier/load.js';
import { PhotoCam } from '../../src/pipeline/photo-cam.js';
import { ortRuntime } from '../../src/runtime/ort/ort.js';
import { loadSettings } from '../../src/settings/load.js';
import { photograph, writeTinyClassifier } from '../pipeline/tiny.js';
import { messageOf, run } from './terminal.js';

interface Score { test: string; by?: string; at?: number; value: string; mean: number; difference?: { mean: number } }

interface Json {
  photographs: number;
  unchanged: { value: string; mean: number; interval: { low: number; high: number } }[];
  variants: { name: string; layers: string[]; scores: Score[] }[];
  run: { counts: { measured: number; resumed: number; failed: number }; failures: { id: string; reason: string }[] };
}

let folder: string;
let model: string;
let list: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-faithfulness-'));
  model = join(folder, 'tiny.onnx');
  list = join(folder, 'list.csv');
  await writeTinyClassifier(model);
  await mkdir(join(folder, 'images'));
  const sizes = [[64, 48], [50, 70], [40, 40]];
  for (const [i, [width, height]] of sizes.entries()) await writeFile(join(folder, 'images', `${i}.jpg`), await photograph(i, width, height));
  await writeFile(list, 'image,width,height,class\n0.jpg,64,48,11\n1.jpg,50,70,dog\n2.jpg,40,40,14\n');
});
afterAll(() => rm(folder, { recursive: true }));

const flags = (out: string): string[] => [
  'faithfulness', '--list', list, '--images', join(folder, 'images'), '--model', model, '--input-size', 'short:64', '--out', join(folder, out),
  '--layers', '/32', '--method', 'grad-cam,layer-cam', '--steps', '4', '--workers', '1', '--runtime', 'ort', '--json',
];

/** The mean softmax of the logits that PhotoCam gives. */
async function confidenceOf(photographs: readonly string[], logits: readonly number[]): Promise<number> {
  const cam = await PhotoCam.open(await loadClassifier(model), await loadSettings('fast', { inputSize: 'short:64' }), ortRuntime);
  let sum = 0;
  for (const [i, path] of photographs.entries()) {
    const exponentials = [...await cam.logits(path)].map(Math.exp);
    sum += exponentials[logits[i]] / exponentials.reduce((a, b) => a + b);
  }
  await cam.close();
  return sum / photographs.length;
}

describe('faithfulness', () => {
  it('tests variants side by side, and continues', async () => {
    const first = await run(...flags('out'));
    expect(first.stderr).toContain('2 variants: grad-cam; layer-cam');
    expect(first.code, first.stderr).toBe(0);
    const json = JSON.parse(first.stdout) as Json;
    expect(json.photographs).toBe(3);
    expect(json.variants.map(({ name, layers }) => [name, layers[0].split('@')[1]])).toEqual([['grad-cam', 'grad-cam'], ['layer-cam', 'layer-cam']]);
    const areas = json.variants.map(({ scores }) => scores.filter(({ by, value }) => by === 'area' && value === 'area').map(({ mean }) => mean));
    // The same for every variant: 5, 10 and 20 % of the pixels, rounded to pixels.
    expect(areas[0]).toEqual(areas[1]);
    [0.05, 0.1, 0.2].forEach((share, i) => { expect(Math.abs(areas[0][i] - share)).toBeLessThan(1e-3); });
    const photographs = [0, 1, 2].map((i) => join(folder, 'images', `${i}.jpg`));
    expect(json.unchanged[2].mean).toBeCloseTo(await confidenceOf(photographs, [11, 11, 14]), 6);
    expect(json.unchanged[2].interval.low).toBeLessThan(json.unchanged[2].mean);
    expect((await readdir(join(folder, 'out'))).sort()).toEqual(['faithfulness.csv', 'faithfulness.json', 'images', 'journal']);
    expect(JSON.parse(await readFile(join(folder, 'out/faithfulness.json'), 'utf8'))).toEqual(json);
    await rm(join(folder, 'out/images/1.json'));
    const again = await run(...flags('out'));
    expect(again.stderr).toContain('1 records of an earlier run were missing or damaged and are made again');
    expect((JSON.parse(again.stdout) as Json).variants).toEqual(json.variants);
    expect((JSON.parse(again.stdout) as Json).run.counts).toMatchObject({ measured: 1, resumed: 2 });
    expect(messageOf(await run(...flags('out'), '--fill', '0,0,0'))).toContain('contains results with other settings: fill was');
  });

  it('runs in parts, of which the last one has the results of a whole run', async () => {
    const few = ['--tests', 'drop,insertion'];
    const whole = JSON.parse((await run(...flags('whole'), ...few)).stdout) as Json;
    const first = await run(...flags('parts'), ...few, '--shard', '1/2');
    expect(first).toMatchObject({ code: 0, stdout: '' });
    expect(first.stderr).toContain('1 images are left to the other shards');
    const last = JSON.parse((await run(...flags('parts'), ...few, '--shard', '2/2')).stdout) as Json;
    expect(last).toMatchObject({ photographs: 3, unchanged: whole.unchanged, variants: whole.variants, run: { counts: { measured: 1 } } });
  });

  it('hides pixels with the colour of --fill, as the network sees it', async () => {
    const plain = join(folder, 'plain.png');
    await sharp({ create: { width: 64, height: 48, channels: 3, background: { r: 200, g: 100, b: 50 } } }).png().toFile(plain);
    const { stdout } = await run(...flags('fill'), '--limit', '1', '--tests', 'occlusion', '--occlude-area', '100', '--fill', '200,100,50');
    const [first] = (JSON.parse(stdout) as Json).variants;
    const whole = first.scores.find(({ by, value }) => by === 'area' && value === 'confidence');
    // Nothing is left but the colour.
    expect(whole?.mean).toBeCloseTo(await confidenceOf([plain], [11]), 6);
  });

  it('has ROAD, and variants of a file', async () => {
    const config = join(folder, 'variants.yaml');
    await writeFile(config, ['layers: [/32]', 'inputSize: short:64', 'refine: none', 'tests: [road]', 'roadArea: [30, 60]', 'target: finer', 'variants:', '- { name: deepest }', '- { name: flipped, flip: true }', ''].join('\n'));
    const common = ['faithfulness', '--list', list, '--images', join(folder, 'images'), '--model', model, '--workers', '1', '--runtime', 'ort', '--config', config, '--finer-strength', '0.5'];
    const { code, stdout, stderr } = await run(...common, '--out', join(folder, 'road'), '--json');
    expect(code, stderr).toBe(0);
    const { variants } = JSON.parse(stdout) as Json;
    expect(variants.map(({ name }) => name)).toEqual(['deepest', 'flipped']);
    for (const { scores } of variants) {
      const [morf, lerf, combined] = scores.map(({ mean }) => mean);
      expect(scores.map(({ test, value }) => `${test} ${value}`)).toEqual(['road morf', 'road lerf', 'road combined']);
      expect(combined).toBeCloseTo((lerf - morf) / 2, 12);
    }
    expect((await run(...common, '--out', join(folder, 'road'))).stdout).toContain('ROAD, mean confidence without the most relevant pixels');
  });

  it('counts and reports photographs that fail', async () => {
    const bad = join(folder, 'bad.txt');
    await writeFile(bad, '0.jpg dog\nmissing.jpg dog\n1.jpg duck\n');
    const { code, stdout, stderr } = await run(...flags('bad'), '--list', bad, '--tests', 'drop');
    expect(code).toBe(2);
    expect(stderr).toContain('2 photographs failed:');
    const { photographs, run: { failures } } = JSON.parse(stdout) as Json;
    expect(photographs).toBe(1);
    expect(failures.map(({ id }) => id).sort()).toEqual(['1', 'missing']);
  });

  it('prints tables', async () => {
    const { code, stdout } = await run(...flags('tables').slice(0, -1), '--limit', '1', '--tests', 'occlusion,deletion', '--occlude-area', '10', '--bootstrap', '0');
    expect(code).toBe(0);
    expect(stdout).toContain('Pixels above 0.5 of the map are occluded (lower is better):');
    expect(stdout).toContain('The strongest 10 % of the pixels are occluded (lower is better):');
    expect(stdout).toContain('insertion (higher is better), deletion (lower is better):');
  });

  it('refuses what it cannot test', async () => {
    expect(messageOf(await run('faithfulness', '--out', 'x'))).toContain('--list is missing');
    expect(messageOf(await run(...flags('none'), '--map-norm', 'none'))).toContain('the tests need maps in 0..1');
    expect(messageOf(await run(...flags('none'), '--tests', 'drip'))).toContain('--tests');
    expect(messageOf(await run(...flags('none'), '--list', join(folder, 'no.txt')))).toContain('no.txt');
  });

  it('notes a background class that the list may not count', async () => {
    const counted = join(folder, 'counted.onnx');
    const names = (await loadClassifier(model)).spec.classes;
    await writeTinyClassifier(counted, { classes: ['background', ...names] });
    const numbers = join(folder, 'numbers.txt');
    await writeFile(numbers, '0.jpg 3\n');
    const rest = ['--model', counted, '--list', numbers, '--tests', 'drop'];
    expect((await run(...flags('counted'), ...rest)).stderr).toContain('use --logit-offset 1');
    expect((await run(...flags('offset'), ...rest, '--logit-offset', '1')).stderr).not.toContain('--logit-offset');
  });
});
