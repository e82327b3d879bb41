import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerEval } from '../../src/cli/commands/eval.js';
import { IGNORED_AS } from '../../src/metrics/scores.js';
import { readMask, writeMask } from '../../src/datasets/masks.js';
import { VOC } from '../../src/datasets/classes/voc.js';
import { fixtures, readExpected } from '../metrics/expected.js';
import { printedInTests, runCommand } from './terminal.js';

const expected = readExpected('expected.json');
const gt = join(fixtures, 'gt');
const ids = Array.from({ length: 12 }, (_, i) => `m${String(i).padStart(2, '0')}`);

let folder: string;
let root: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-eval-'));
  root = join(folder, 'VOC2012');
  await cp(gt, join(root, 'SegmentationClass'), { recursive: true });
  await cp(join(fixtures, 'shifted'), join(root, 'Shifted'), { recursive: true });
  await mkdir(join(root, 'ImageSets', 'Segmentation'), { recursive: true });
  await writeFile(join(root, 'ImageSets', 'Segmentation', 'all.txt'), ids.join('\n'));
  await writeFile(join(root, 'ImageSets', 'Segmentation', 'more.txt'), ['x1', ...ids, 'x2'].join('\n'));
});
afterAll(() => rm(folder, { recursive: true }));

const printed = printedInTests();
const run = (...args: string[]) => runCommand(registerEval, 'eval', ...args);

interface Json {
  images: { scored: number; missingTruths: string[]; missingPredictions: string[]; failures: { id: string; message: string }[] };
  coverage: number;
  scores: Record<string, Record<string, unknown> & { meanIou: number; classes: Record<string, number | null>[] }>;
  confusion: number[][];
  byImage?: { id: string; meanIou: Record<string, number | null> }[];
}

const json = (): Json => JSON.parse(printed.stdout) as Json;

describe('eval', () => {
  it.each(['gt', 'shifted', 'background', 'holes', 'noise'])('equals numpy on %s', async (variant) => {
    expect(await run('--voc-root', root, '--split', 'all', '--pred', join(fixtures, variant), '--json', '--workers', '2')).toBe(0);
    const { images, coverage, scores, confusion } = json();
    const wanted = expected[variant];
    expect(images).toEqual({ scored: 12, missingTruths: [], missingPredictions: [], failures: [] });
    expect(confusion).toEqual(wanted.matrix);
    expect(coverage).toBeCloseTo(wanted.coverage!, 9);
    for (const policy of IGNORED_AS) {
      for (const key of ['meanIou', 'meanPrecision', 'meanRecall', 'meanOverActivation', 'meanUnderActivation', 'pixelAccuracy'] as const) {
        expect(scores[policy][key]).toBeCloseTo(wanted.scores[policy][key]!, 9);
      }
      for (const [label, { iou }] of wanted.scores[policy].labels.entries()) {
        if (iou === null) expect(scores[policy].classes[label].iou).toBeNull();
        else expect(scores[policy].classes[label].iou).toBeCloseTo(iou, 9);
      }
    }
    expect(printed.stderr).toBe('');
  });

  it('prints a table', async () => {
    expect(await run('--gt', gt, '--pred', join(fixtures, 'holes'))).toBe(0);
    const mean = (policy: 'error' | 'background' | 'excluded'): string => (100 * expected.holes.scores[policy].meanIou!).toFixed(2);
    const text = printed.stdout.replaceAll(/ +/g, ' ');
    expect(text).toContain(`| **mean** | ${mean('error')} |`);
    expect(text).toContain(`| as errors | ${mean('error')} |`);
    expect(text).toContain(`| as background | ${mean('background')} |`);
    expect(text).toContain(`| left out | ${mean('excluded')} |`);
    expect(text).toContain(`Coverage: ${(100 * expected.holes.coverage!).toFixed(2)} %`);
    expect(text).toContain('Scored 12 of 12 images.');
  });

  it('takes the table under the policy asked for', async () => {
    await run('--gt', gt, '--pred', join(fixtures, 'holes'), '--ignored-as', 'background');
    expect(printed.stdout.replaceAll(/ +/g, ' ')).toContain(`| **mean** | ${(100 * expected.holes.scores.background.meanIou!).toFixed(2)} |`);
  });

  it('scores against another mask folder of the devkit', async () => {
    await run('--voc-root', root, '--split', 'all', '--mask-dir', 'Shifted', '--pred', join(fixtures, 'shifted'), '--json');
    expect(json().scores.error.meanIou).toBe(1);
    await expect(run('--gt', gt, '--voc-root', root, '--pred', gt)).rejects.toThrow(/cannot be used with/);
  });

  it('takes only the images asked for', async () => {
    await run('--voc-root', root, '--split', 'all', '--pred', join(fixtures, 'shifted'), '--ids', 'm03', '--json');
    expect(json().images.scored).toBe(1);
    expect(json().scores.error.meanIou).toBeCloseTo(expected.shifted.images.m03.meanIou.error!, 9);
    printed.stdout = '';
    await run('--gt', gt, '--pred', join(fixtures, 'shifted'), '--ids', 'm03', '--json');
    expect(json().scores.error.meanIou).toBeCloseTo(expected.shifted.images.m03.meanIou.error!, 9);
    printed.stdout = '';
    await run('--gt', gt, '--pred', gt, '--limit', '5', '--json');
    expect(json().images.scored).toBe(5);
    await expect(run('--gt', gt, '--pred', gt, '--ids', 'm03,nobody')).rejects.toThrow(join(gt, 'nobody.png'));
  });

  it('lists the worst images', async () => {
    await run('--gt', gt, '--pred', join(fixtures, 'noise'), '--by-image', '3', '--json');
    const worst = Object.entries(expected.noise.images)
      .filter(([, { meanIou }]) => meanIou.error !== null).sort(([, a], [, b]) => a.meanIou.error! - b.meanIou.error!).slice(0, 3);
    expect(json().byImage!.map(({ id }) => id)).toEqual(worst.map(([id]) => id));
    for (const [i, [, { meanIou }]] of worst.entries()) expect(json().byImage![i].meanIou.error).toBeCloseTo(meanIou.error!, 9);
    printed.stdout = '';
    await run('--gt', gt, '--pred', join(fixtures, 'noise'), '--by-image');
    const rows = printed.stdout.split('\n').filter((line) => /^\| m\d\d /.test(line));
    expect(rows).toHaveLength(12);
    expect(rows[0]).toContain(worst[0][0]);
    expect(rows[11]).toContain('m11');
  });

  it('writes CSV to a file beside the table, or in its place', async () => {
    const file = join(folder, 'out', 'scores.csv');
    await run('--gt', gt, '--pred', join(fixtures, 'shifted'), '--csv', file);
    const lines = (await readFile(file, 'utf8')).split('\n');
    const background = lines[1].split(',');
    expect(background.slice(0, 3)).toEqual(['error', '0', 'background']);
    expect(Number(background[3])).toBeCloseTo(expected.shifted.scores.error.labels[0].iou!, 9);
    expect(printed.stdout).toContain('| background');
    printed.stdout = '';
    await run('--gt', gt, '--pred', join(fixtures, 'shifted'), '--csv');
    expect(printed.stdout.split('\n')).toEqual(lines);
    await expect(run('--gt', gt, '--pred', gt, '--csv', '--json')).rejects.toThrow('--json and --csv cannot both print');
  });
});

describe('eval of masks by other names', () => {
  /** The masks of `shifted` under names that `rename` makes. */
  async function renamed(name: string, rename: (id: string) => string): Promise<string> {
    const target = join(folder, name);
    for (const id of ids) await cp(join(fixtures, 'shifted', `${id}.png`), join(target, rename(id)));
    return target;
  }

  it('.PNG is as good as .png, also for the ground truth', async () => {
    const upper = await renamed('upper', (id) => `${id}.PNG`);
    expect(await run('--gt', gt, '--pred', upper, '--json')).toBe(0);
    expect(json().scores.error.meanIou).toBeCloseTo(expected.shifted.scores.error.meanIou!, 12);
    printed.stdout = '';
    await run('--gt', upper, '--pred', join(fixtures, 'shifted'), '--json');
    expect(json()).toMatchObject({ images: { scored: 12 }, scores: { error: { meanIou: 1 } } });
    printed.stdout = '';
    await run('--voc-root', root, '--split', 'all', '--mask-dir', upper, '--pred', upper, '--json');
    expect(json()).toMatchObject({ images: { scored: 12 }, scores: { error: { meanIou: 1 } } });
  });

  it('says what lies there instead', async () => {
    const photos = await renamed('photos', (id) => `${id}.jpg`);
    await expect(run('--gt', gt, '--pred', photos)).rejects.toMatchObject({ hint: expect.stringContaining(`there is ${join(photos, 'm00.jpg')}: label masks must be PNG`) });
    const matlab = await renamed('cls', (id) => `${id}.mat`);
    await expect(run('--gt', matlab, '--pred', gt)).rejects.toMatchObject({
      message: expect.stringContaining('contains no label masks'), hint: expect.stringContaining('MATLAB files are not supported'),
    });
    await expect(run('--voc-root', root, '--split', 'all', '--mask-dir', matlab, '--pred', gt)).rejects.toMatchObject({
      message: expect.stringContaining('nothing to score'), hint: expect.stringContaining('m00.mat'),
    });
  });

  it('leaves out the -1 of a list of ImageSets/Main, and says so', async () => {
    const list = join(folder, 'cat_val.txt');
    await writeFile(list, ids.map((id, i) => `${id} ${i < 5 ? '-1' : ' 1'}`).join('\n'));
    await run('--voc-root', root, '--split', list, '--pred', gt, '--json');
    expect(json().images.scored).toBe(7);
    expect((json() as unknown as { notes: string[] }).notes).toEqual([`5 of 12 lines of ${list} are marked -1 (the image does not contain the class) and are left out`]);
    expect(printed.stderr).toContain('5 of 12 lines');
  });
});

describe('eval with files that are missing or wrong', () => {
  it('missing predictions are an error that names a few, or are left out and counted', async () => {
    const pred = join(folder, 'partial');
    for (const id of ids.slice(6)) await cp(join(gt, `${id}.png`), join(pred, `${id}.png`));
    await expect(run('--gt', gt, '--pred', pred)).rejects.toThrow(`predictions are missing in ${pred}: 6 of 12 (m00, m01, m02, m03, m04, ...)`);
    expect(printed.stdout).toBe('');
    expect(await run('--gt', gt, '--pred', pred, '--allow-missing')).toBe(0);
    expect(printed.stdout).toContain('Scored 6 of 12 images: 6 without prediction.');
    expect(printed.stderr).toContain('left out, without prediction (6): m00, m01, m02, m03, m04, ...');
    printed.stdout = '';
    await run('--gt', gt, '--pred', pred, '--allow-missing', '--json');
    expect(json().images).toMatchObject({ scored: 6, missingPredictions: ids.slice(0, 6) });
  });

  it('points at the folder that was probably meant', async () => {
    await cp(gt, join(folder, 'seeds', 'SegmentationClass'), { recursive: true });
    await expect(run('--gt', gt, '--pred', join(folder, 'seeds')))
      .rejects.toMatchObject({ hint: `did you mean --pred ${join(folder, 'seeds', 'SegmentationClass')}?` });
    await expect(run('--gt', gt, '--pred', join(folder, 'nowhere'))).rejects.toThrow(`${join(folder, 'nowhere')} does not exist`);
    await expect(run('--gt', gt)).rejects.toThrow('--pred is missing');
  });

  it('images without ground truth are counted, and their predictions are not asked for', async () => {
    expect(await run('--voc-root', root, '--split', 'more', '--pred', gt)).toBe(0);
    expect(printed.stdout).toContain('Scored 12 of 14 images: 2 without ground truth.');
    expect(printed.stderr).toBe('left out, without ground truth (2): x1, x2\n');
  });

  it('no image with both files is an error', async () => {
    const empty = join(folder, 'empty');
    await mkdir(empty);
    await expect(run('--gt', gt, '--pred', empty, '--allow-missing')).rejects.toThrow('nothing to score');
    await expect(run('--gt', empty, '--pred', gt)).rejects.toThrow('nothing to score');
  });

  it('pairs that fail are reported and counted, the others are scored, and the exit code is 2', async () => {
    const pred = join(folder, 'wrong');
    await cp(gt, pred, { recursive: true });
    const { width, height } = await readMask(join(gt, 'm00.png'));
    await writeMask(join(pred, 'm00.png'), { width: height, height: width, data: new Uint8Array(width * height) }, 'palette');
    await writeFile(join(pred, 'm01.png'), 'no PNG');
    expect(await run('--gt', gt, '--pred', pred)).toBe(2);
    expect(printed.stdout).toContain('Scored 10 of 12 images: 2 failed.');
    expect(printed.stderr).toContain(`failed m00: sizes differ: the prediction ${join(pred, 'm00.png')} is ${height} x ${width} pixels (width x height), `
      + `the ground truth ${join(gt, 'm00.png')} is ${width} x ${height} pixels`);
    expect(printed.stderr).toContain(`failed m01: mask ${join(pred, 'm01.png')}`);
    printed.stdout = '';
    expect(await run('--gt', pred, '--pred', gt, '--json')).toBe(2);
    expect(json().images.failures.map(({ id }) => id)).toEqual(['m00', 'm01']);
    expect(json().scores.error.meanIou).toBe(1);
  });

  it('when every pair fails there are no scores', async () => {
    const pred = join(folder, 'small');
    await writeMask(join(pred, 'm00.png'), { width: 1, height: 1, data: new Uint8Array(1) }, 'palette');
    expect(await run('--gt', gt, '--pred', pred, '--ids', 'm00')).toBe(2);
    expect(printed.stdout).toBe('Scored 0 of 1 images: 1 failed.\n');
  });

  it('masks in colours are converted when asked, else they fail', async () => {
    const pred = join(folder, 'colours');
    const { width, height, data } = await readMask(join(gt, 'm00.png'));
    await mkdir(pred);
    const { default: sharp } = await import('sharp');
    const pixels = Buffer.from([...data].flatMap((label) => VOC.colourOf(label)));
    await sharp(pixels, { raw: { width, height, channels: 3 } }).png({ palette: false }).toFile(join(pred, 'm00.png'));
    expect(await run('--gt', gt, '--pred', pred, '--ids', 'm00', '--json')).toBe(2);
    expect(json().images.failures[0].message).toContain('--rgb-masks palette');
    printed.stdout = '';
    expect(await run('--gt', gt, '--pred', pred, '--ids', 'm00', '--rgb-masks', 'voc', '--json')).toBe(0);
    expect(json().scores.error.meanIou).toBe(1);
  });
});
