import { mkdtemp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { LocalizeRecord } from '../../src/localize/record.js';
import { writeMask } from '../../src/datasets/masks.js';
import { photograph, writeTinyClassifier } from '../pipeline/tiny.js';
import { messageOf, run } from './terminal.js';

interface Json {
  images: { tune: number; score: number };
  cases: number;
  sawBoxes: boolean;
  threshold: number;
  gtKnown: { value: number; low?: number };
  pxap?: { value: number; cases: number };
  run: { counts: Record<'measured' | 'resumed' | 'failed' | 'left' | 'missing', number>; failures: { id: string; reason: string }[]; missing: string[]; notes: { id: string; notes: string[] }[] };
}

let folder: string;
let base: string[];
let count = 0;
const fresh = (): string => join(folder, `out-${count++}`);
const localize = (...argv: string[]) => run('localize', ...base, ...argv);
async function json(code: number, ...argv: string[]): Promise<Json> {
  const outcome = await localize(...argv, '--json');
  expect(outcome.code, outcome.stderr).toBe(code);
  return JSON.parse(outcome.stdout) as Json;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-localize-'));
  await mkdir(join(folder, 'photos'));
  for (const [i, id] of ['a', 'b', 'c', 'd'].entries()) await writeFile(join(folder, 'photos', `${id}.jpg`), await photograph(i, 90, 60));
  const model = join(folder, 'many.onnx');
  // More classes than a class set may have.
  await writeTinyClassifier(model, { classes: Array.from({ length: 400 }, (_, i) => `class ${i}`) });
  await writeFile(join(folder, 'boxes.csv'), ['image,width,height,class,boxes', 'a.jpg,90,60,399,"0 0 50 40"', 'b.jpg,90,60,7,"10 10 80 50;0 0 5 5"', 'c.jpg,90,60,"class 12","20 20 60 55"', 'd.jpg,90,60,3,"5 5 60 55"', ''].join('\n'));
  base = ['--boxes', join(folder, 'boxes.csv'), '--images', join(folder, 'photos'), '--model', model, '--layers', '/16', '--input-size', 'short:64', '--refine', 'none', '--workers', '1', '--bootstrap', '20'];
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => { vi.unstubAllEnvs(); });

describe('localize', () => {
  it('writes scores, boxes and records, and resumes', async () => {
    const out = fresh();
    const first = await json(0, '--out', out, '--top', '2', '--box-files', 'csv,coco,voc');
    expect(first).toMatchObject({ images: { tune: 4, score: 4 }, cases: 4, sawBoxes: true });
    expect(first.run.counts).toMatchObject({ measured: 4, resumed: 0, failed: 0, left: 0 });
    const record = JSON.parse(await readFile(join(out, 'images/b.json'), 'utf8')) as LocalizeRecord;
    expect(record.size).toEqual([60, 90]);
    expect(record.truths).toMatchObject([{ logit: 7, boxes: [[10, 10, 80, 50], [0, 0, 5, 5]] }]);
    // The true class, and the two most likely ones.
    expect(record.maps.map(({ logit }) => logit)).toContain(7);
    expect(record.maps.map(({ rank }) => rank)).toEqual(expect.arrayContaining([0, 1]));
    expect(record.truths[0].best.map(({ length }) => length)).toEqual([100]);
    const csv = (await readFile(join(out, 'boxes.csv'), 'utf8')).trim().split('\n');
    expect(csv[0]).toBe('image,class,logit,rank,value,true,x1,y1,x2,y2');
    expect(csv.filter((line) => line.startsWith('b.jpg,class 7,7,'))).toHaveLength(1);
    const results = JSON.parse(await readFile(join(out, 'results.json'), 'utf8')) as { image_id: number; bbox: number[] }[];
    expect(results.map(({ image_id: id }) => id)).toEqual([1, 1, 2, 2, 3, 3, 4, 4]);
    for (const { bbox: [x, y, width, height] } of results) {
      expect([x >= 0, y >= 0, x + width <= 90, y + height <= 60, width > 0, height > 0]).not.toContain(false);
    }
    expect(await readdir(join(out, 'Annotations'))).toEqual(['a.xml', 'b.xml', 'c.xml', 'd.xml']);
    const again = await json(0, '--out', out, '--top', '2');
    expect(again).toMatchObject({ gtKnown: first.gtKnown, run: { counts: { measured: 0, resumed: 4 } } });
    expect(messageOf(await localize('--out', out, '--top', '1'))).toContain('contains results with other settings: top was 2 and is 1');
  });

  it('scores several variants in one pass as it scores each alone', async () => {
    const layers = [['--layers', '/32', '--refine', 'none'], ['--layers', '/16,/32', '--refine', 'pamr:iterations=1'], ['--layers', '/16', '--refine', 'none', '--scales', '0.5,1']];
    const config = join(folder, 'variants.yaml');
    await writeFile(config, ['refine: none', 'inputSize: short:64', 'variants:', '- { name: deepest, layers: [/32] }', '- { name: refined, layers: [/16, /32], refine: "pamr:iterations=1" }', '- { name: scaled, layers: [/16], scales: [0.5, 1] }', ''].join('\n'));
    const all = fresh();
    const own = base.filter((word, i) => !['--layers', '--refine', '--input-size'].includes(word) && !['--layers', '--refine', '--input-size'].includes(base[i - 1]));
    const several = await run('localize', ...own, '--config', config, '--out', all, '--json');
    expect(several.code, several.stderr).toBe(0);
    expect(several.stderr).toContain('3 variants: deepest; refined; scaled');
    const { variants } = JSON.parse(several.stdout) as { variants: (Record<string, unknown> & { name: string })[] };
    const boxes = (await readFile(join(all, 'boxes.csv'), 'utf8')).trim().split('\n');
    for (const [i, flags] of layers.entries()) {
      const out = fresh();
      const alone = await run('localize', ...own, '--config', 'paper', '--input-size', 'short:64', ...flags, '--out', out, '--json');
      const scores = JSON.parse(alone.stdout) as Record<string, object>;
      for (const name of ['gtKnown', 'loc1', 'loc5', 'boxAccuracyV2']) expect(variants[i][name]).toMatchObject(scores[name]);
      for (const name of ['threshold', 'thresholdsV2', 'maxBoxAcc', 'maxBoxAccV2']) expect(variants[i][name]).toEqual(scores[name]);
      const [header, ...lines] = (await readFile(join(out, 'boxes.csv'), 'utf8')).trim().split('\n');
      expect(boxes[0]).toBe(`variant,${header}`);
      expect(boxes.filter((line) => line.startsWith(`${variants[i].name},`))).toEqual(lines.map((line) => `${variants[i].name},${line}`));
    }
    const table = await run('localize', ...own, '--config', config, '--out', all);
    expect(table.stdout).toContain('Differences to \'deepest\'');
    expect(messageOf(await run('localize', ...own, '--config', config, '--out', fresh(), '--box-files', 'csv,voc'))).toContain('--box-files voc has no place for the boxes of 3 variants');
    expect(messageOf(await localize('--out', all, '--layers', '/32'))).toContain('contains results with other settings');
  });

  it('finds the same boxes in batches', async () => {
    const [alone, together] = [fresh(), fresh()];
    await json(0, '--out', alone, '--flip', '--batch', '1');
    await json(0, '--out', together, '--flip', '--batch', '4');
    const boxesOf = async (out: string): Promise<string[]> => (await readFile(join(out, 'boxes.csv'), 'utf8')).trim().split('\n')
      // Without the value of the logit, which is rounded otherwise in a batch.
      .map((line) => line.split(',').filter((_, column) => column !== 4).join(','));
    expect(await boxesOf(together)).toEqual(await boxesOf(alone));
  });

  it('finds the same boxes of true classes without others', async () => {
    const [some, none] = [fresh(), fresh()];
    const [a, b] = [await json(0, '--out', some, '--top', '1'), await json(0, '--out', none, '--top', '0')];
    expect(b).toMatchObject({ gtKnown: a.gtKnown, threshold: a.threshold });
    expect((await readFile(join(none, 'boxes.csv'), 'utf8')).trim().split('\n')).toHaveLength(5);
  });

  it('chooses thresholds on one list and scores another', async () => {
    await writeFile(join(folder, 'tune.txt'), 'a.jpg\nb.jpg\n');
    await writeFile(join(folder, 'score.txt'), 'c\n');
    const lists = ['--tune-on', join(folder, 'tune.txt'), '--score-on', join(folder, 'score.txt')];
    expect(await json(0, '--out', fresh(), ...lists)).toMatchObject({ images: { tune: 2, score: 1 }, sawBoxes: false, run: { counts: { measured: 3 } } });
    const { stdout } = await localize('--out', fresh(), ...lists);
    expect(stdout).toContain('1 images with 1 classes scored. Thresholds were chosen on 2 other images');
    await writeFile(join(folder, 'strange.txt'), 'x.jpg\n');
    expect(messageOf(await localize('--out', fresh(), '--score-on', join(folder, 'strange.txt')))).toContain('1 images have no true boxes; the first is x');
  });

  it('measures PxAP with masks', async () => {
    const masks = join(folder, 'masks');
    const mask = (id: string, of: (x: number, y: number) => number, size = [90, 60]): Promise<void> => (
      writeMask(join(masks, `${id}.png`), { width: size[0], height: size[1], data: Uint8Array.from({ length: size[0] * size[1] }, (_, i) => of(i % size[0], Math.floor(i / size[0]))) }));
    // Black and white, for the logit 399. Everything is of the object: a precision of 1 at every threshold.
    await mask('a', () => 255);
    // Labels, for the logit 7: everything that counts is of the object.
    await mask('b', (x) => (x < 40 ? 8 : 255));
    const out = fresh();
    const whole = await localize('--masks', masks, '--out', out);
    expect(whole.stderr).toContain('2 images have no mask');
    expect(whole.stdout).toContain('| PxAP | 100.00 | 100.00..100.00 | all; 2 classes with masks |');
    // Without an object, pixels only lower the precision; the share of the object in all pixels is the least.
    await mask('b', () => 12);
    const other = await json(0, '--masks', masks, '--out', fresh());
    expect(other.pxap!.cases).toBe(2);
    expect(other.pxap!.value).toBeGreaterThan(0);
    expect(other.pxap!.value).toBeLessThan(1);
    expect(other.run.notes).toContainEqual({ id: 'b', notes: ['the mask does not have the class class 7'] });
    // Every pixel is counted once.
    const { truths: [{ pixels: [pixels] = [] }] } = JSON.parse(await readFile(join(out, 'images/a.json'), 'utf8')) as LocalizeRecord;
    expect(pixels.inside.reduce((sum, n) => sum + n, 0)).toBe(90 * 60);
    expect(pixels.outside.reduce((sum, n) => sum + n, 0)).toBe(0);
    // Variants have their own pixels of the same masks.
    const several = await localize('--layers', '/32', '--masks', masks, '--out', fresh(), '--json');
    const { variants } = JSON.parse(several.stdout) as { variants: { pxap: { value: number; cases: number; difference?: object } }[] };
    expect(variants.map(({ pxap }) => pxap.cases)).toEqual([2, 2]);
    expect(variants[0].pxap).toEqual(other.pxap);
    expect(variants[1].pxap.value).not.toBe(other.pxap!.value);
    expect(variants[1].pxap.difference).toMatchObject({ value: variants[1].pxap.value - other.pxap!.value });
    // Its own records are not mixed with those of runs without masks.
    expect((await localize('--out', out)).code).toBe(1);
    expect(messageOf(await localize('--masks', join(folder, 'nowhere'), '--out', fresh()))).toContain('is not a folder');
    await mask('a', () => 3);
    await mask('b', () => 255, [60, 90]);
    const { run: { failures } } = await json(2, '--masks', masks, '--out', fresh());
    expect(failures.find(({ id }) => id === 'a')?.reason).toContain('the class would have the label 400');
    expect(failures.find(({ id }) => id === 'b')?.reason).toContain('is 60 x 90 pixels, but the photograph is 90 x 60');
  });

  it('runs in parts, of which the last one scores, with the results of a whole run', async () => {
    const [whole, parts] = [fresh(), fresh()];
    const { gtKnown, threshold, cases } = await json(0, '--out', whole);
    const first = await localize('--out', parts, '--shard', '2/2');
    expect(first).toMatchObject({ code: 0, stdout: '' });
    expect(first.stderr).toContain('shard 2 of 2\n');
    // a and c are those of the first part.
    expect(first.stderr).toContain('2 images are left to the other shards');
    expect((await readdir(join(parts, 'images'))).sort()).toEqual(['b.json', 'd.json']);
    vi.stubEnv('SLURM_ARRAY_TASK_ID', '0');
    const last = await json(0, '--out', parts, '--shard', 'auto', '--shards', '2');
    expect(last).toMatchObject({ images: { tune: 4, score: 4 }, gtKnown, threshold, cases, run: { counts: { measured: 2, resumed: 0 } } });
    expect(await readFile(join(parts, 'boxes.csv'), 'utf8')).toBe(await readFile(join(whole, 'boxes.csv'), 'utf8'));
    vi.unstubAllEnvs();
    expect(await json(0, '--out', parts)).toMatchObject({ gtKnown, run: { counts: { measured: 0, resumed: 4 } } });
    // So do those of several variants with masks.
    const masks = join(folder, 'masks-of-parts');
    await writeMask(join(masks, 'b.png'), { width: 90, height: 60, data: Uint8Array.from({ length: 90 * 60 }, (_, i) => (i % 90 < 40 ? 255 : 0)) });
    const several = ['--layers', '/32', '--masks', masks, '--json'];
    const scoresOf = ({ stdout }: { stdout: string }): unknown => ({ ...JSON.parse(stdout) as object, run: undefined });
    const split = fresh();
    expect(await localize(...several, '--out', split, '--shard', '1/2')).toMatchObject({ code: 0, stdout: '' });
    const joined = await localize(...several, '--out', split, '--shard', '2/2');
    expect(scoresOf(joined)).toEqual(scoresOf(await localize(...several, '--out', fresh())));
    expect(scoresOf(joined)).toMatchObject({ images: { score: 4 }, variants: [{ pxap: { cases: 1 } }, { pxap: { cases: 1, difference: {} } }] });
    expect(messageOf(await run('merge', parts))).toContain('parts of ablate, localize and faithfulness need no merge');
  });

  it('reports images that fail, and missing ones', async () => {
    const boxes = join(folder, 'trouble.csv');
    await writeFile(boxes, ['a.jpg,90,60,1,"0 0 50 40"', 'b.jpg,60,90,1,"0 0 50 40"', 'c.jpg,90,60,whale,"0 0 50 40"', 'x.jpg,90,60,1,"0 0 50 40"', ''].join('\n'));
    const { images, run: { failures, missing } } = await json(2, '--boxes', boxes, '--out', fresh());
    expect(images.score).toBe(1);
    expect(failures).toHaveLength(2);
    expect(failures.find(({ id }) => id === 'b')?.reason).toContain('is 90 x 60 pixels, but its boxes are for 60 x 90');
    expect(failures.find(({ id }) => id === 'c')?.reason).toContain('has no class \'whale\'');
    expect(missing).toEqual(['x']);
    await writeFile(boxes, 'a.jpg,90,60,1,"0 0 50 40"\nx.jpg,90,60,1,"0 0 50 40"\n');
    expect((await localize('--boxes', boxes, '--out', fresh())).code).toBe(0);
    expect((await localize('--boxes', boxes, '--out', fresh(), '--strict')).code).toBe(2);
  });
});
