import { access, cp, mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repository } from '../helpers.js';
import { makeRun, writeRun } from '../report/run/tiny-run.js';
import type { TinyRun } from '../report/run/tiny-run.js';
import { messageOf, run } from './terminal.js';

interface Json {
  page?: string;
  singleFile: boolean;
  images: number;
  gallery: number;
  scores: { name: string; scored: number; meanIou: Record<'error' | 'background' | 'excluded', number> }[];
  bestThreshold?: { threshold: number; meanIou: number; images: number };
  problems: { id: string; reason: string }[];
  remarks: string[];
}

const id = '<svg&"onload=\'x>';
const first = {
  width: 4, height: 2, truth: [0, 0, 12, 12, 0, 0, 12, 12], seeds: [0, 12, 12, 12, 0, 0, 12, 0],
  // Between 0.305 and 0.355 these are the ground truth.
  maps: { 12: [0, 0.305, 0.9, 0.9, 0, 0, 0.9, 0.355] },
};
const second = { width: 4, height: 2, truth: [0, 0, 8, 8, 0, 0, 255, 8], seeds: [0, 0, 8, 255, 0, 0, 8, 12] };
let tiny: TinyRun;
let count = 0;
const fresh = (): string => join(tiny.folder, `report-${count++}`);

async function report(code: number, ...argv: string[]): Promise<{ json: Json; html: string }> {
  const outcome = await run('report', ...argv, '--json');
  expect(outcome.code, outcome.stderr).toBe(code);
  const json = JSON.parse(outcome.stdout) as Json;
  return { json, html: await readFile(json.page!, 'utf8') };
}

/** What the page's script reads. */
interface PageData {
  predictions: string[];
  overlays: { value: string }[];
  folder: string | null;
  images: { id: string; file: string; labels: number[] }[];
}
const dataOf = (html: string): PageData => JSON.parse(/<script type="application\/json" id="report-data">(.*?)<\/script>/.exec(html)![1]) as PageData;

beforeAll(async () => { tiny = await makeRun({ [id]: first, plain: second }); });
afterAll(() => rm(tiny.folder, { recursive: true }));

describe('report', () => {
  it('scores the seeds, all ways, and the stored maps', async () => {
    const { json, html } = await report(0, '--run', tiny.run);
    expect(json).toMatchObject({ page: join(tiny.run, 'report/index.html'), singleFile: true, images: 2, gallery: 2, problems: [], remarks: [] });
    // Over both images. Background: TP 7, FP 1, FN 1. Dog: TP 3, FP 2, FN 1. Cat: TP 1, FN 2, one of them ignored.
    const [{ name, scored, meanIou }] = json.scores;
    expect([name, scored]).toEqual(['Seeds', 2]);
    expect(meanIou.error).toBeCloseTo((7 / 9 + 3 / 6 + 1 / 3) / 3, 9);
    expect(meanIou.background).toBeCloseTo((7 / 10 + 3 / 6 + 1 / 3) / 3, 9);
    expect(meanIou.excluded).toBeCloseTo((7 / 9 + 3 / 6 + 1 / 2) / 3, 9);
    // The map of the first image: 0.305 is above 0.30 and not above 0.31.
    expect(json.bestThreshold).toEqual({ threshold: 0.31, meanIou: 1, images: 1 });
    expect(html).toContain('53.7 %');
    expect(html).toContain('The best threshold, 0.31, reaches 100.0\u00a0%. It was chosen with the masks');
    expect(html).toContain('used: 0.40');
  });

  it('shows the settings, times, failures and notes', async () => {
    const { html } = await report(0, '--run', tiny.run, '--title', 'My <title>');
    expect(html).toContain('<title>My &lt;title&gt;</title>');
    for (const text of ['/models/&lt;tiny&gt;.onnx', '/16, /32', 'v20.0.0', 'Failures (1)', 'cannot read the photograph &lt;lost&gt;', 'worth a &lt;look&gt;', '2026-01-02 03:04:15 UTC', '0.2/s']) {
      expect(html).toContain(text);
    }
  });

  it('lets no id become HTML, and needs nothing from elsewhere', async () => {
    const { html } = await report(0, '--run', tiny.run);
    expect(html).not.toContain('<svg&');
    expect(dataOf(html).images.map((image) => image.id)).toEqual([id, 'plain']);
    expect(html).toContain('content="default-src \'none\';');
    const own = html.replaceAll('http://www.w3.org/2000/svg', '').replace(/<script type="application\/json" id="report-panels">.*?<\/script>/, '');
    expect(own).not.toMatch(/https?:\/\/|url\(|@import|<link|<script src|<img/);
    expect(html).toMatch(/^<!DOCTYPE html>\n<html lang="en">/);
    expect(html).toContain('<meta name="viewport" content="width=device-width, initial-scale=1">');
  });

  it('writes a folder with two files per image, and keeps photographs that are done', async () => {
    const out = fresh();
    const { json, html } = await report(0, '--run', tiny.run, '--folder', '--out', out);
    expect(json).toMatchObject({ page: join(out, 'index.html'), singleFile: false });
    const data = dataOf(html);
    expect(data.folder).toBe('images/');
    const files = data.images.map(({ file }) => file);
    expect((await readdir(join(out, 'images'))).sort()).toEqual(['made-with.json', ...files.flatMap((file) => [`${file}.js`, `${file}.webp`])].sort());
    for (const file of files) expect(file).toMatch(/^\w[\w-]*$/);

    const photo = join(out, 'images/plain.webp');
    const later = new Date(1000 * Math.ceil(Date.now() / 1000 + 60));
    await utimes(photo, later, later);
    await report(0, '--run', tiny.run, '--folder', '--out', out);
    expect((await stat(photo)).mtimeMs).toBe(later.getTime());
    // One that is cut short is made anew.
    const { size } = await stat(photo);
    for (const length of [0, size - 1]) {
      await truncate(photo, length);
      await utimes(photo, later, later);
      await report(0, '--run', tiny.run, '--folder', '--out', out);
      expect((await stat(photo)).size).toBe(size);
    }
    await utimes(photo, later, later);
    // Of another size it is made anew.
    await report(0, '--run', tiny.run, '--folder', '--out', out, '--image-size', '32');
    expect((await stat(photo)).mtimeMs).toBeLessThan(later.getTime());
  });

  it('compares with another run on the images that both have', async () => {
    const other = join(tiny.folder, 'perfect');
    await writeRun(other, { [id]: { ...first, seeds: first.truth } }, { vocRoot: tiny.root });
    const { json, html } = await report(0, '--run', tiny.run, '--compare', other, '--out', fresh());
    expect(json.scores.map(({ name, scored, meanIou }) => [name, scored, meanIou.error])).toEqual([['seeds', 2, expect.closeTo(0.537037, 5)], ['perfect', 1, 1]]);
    expect(html).toContain('Both are scored on the 1 images that both have.');
    // On the first image alone background and dog are 3 / 5 each.
    expect(html).toContain('mIoU 60.0\u00a0% against 100.0\u00a0%: −40.0 points.');
    expect(dataOf(html).predictions).toEqual(['seeds', 'perfect']);
    expect(html).toContain('<option value="less:1">seeds worse than perfect</option>');
  });

  it('shows refined seeds beside the others', async () => {
    const refined = await makeRun({ a: { ...first, refined: first.truth } });
    const { json, html } = await report(0, '--run', refined.run);
    expect(json.scores.map(({ name, meanIou }) => [name, meanIou.error])).toEqual([['Seeds', expect.closeTo(0.6, 9)], ['Refined', 1]]);
    expect(dataOf(html).overlays.map(({ value }) => value)).toEqual(['photo', 'map', 'labels:0', 'labels:1', 'truth', 'errors:0', 'errors:1']);
    await rm(refined.folder, { recursive: true });
  });

  it('shows seeds as they were before refinement', async () => {
    const refined = await makeRun({ a: { ...first, seeds: first.truth } });
    const before = await makeRun({ a: first });
    await cp(join(before.run, 'SegmentationClass'), join(refined.run, 'SegmentationClassUnrefined'), { recursive: true });
    const { json } = await report(0, '--run', refined.run);
    expect(json.scores.map(({ name, meanIou }) => [name, meanIou.error])).toEqual([['Seeds', 1], ['Unrefined', expect.closeTo(0.6, 9)]]);
    for (const { folder } of [refined, before]) await rm(folder, { recursive: true });
  });

  it('shows the results of an ablation', async () => {
    const file = join(tiny.folder, 'ablation.json');
    await writeFile(file, JSON.stringify({ variants: [{ name: 'mean of <three>', miou: 0.449, low: 0.431, high: 0.466, threshold: 0.36 }] }));
    const { html } = await report(0, '--run', tiny.run, '--ablation', file);
    for (const text of ['mean of &lt;three&gt;', '44.9', '43.1 to 46.6', '0.36']) expect(html).toContain(text);
  });

  it('shows only so many images, and scores all', async () => {
    const { json, html } = await report(0, '--run', tiny.run, '--max-images', '1', '--choose', 'best');
    expect(json).toMatchObject({ images: 2, gallery: 1 });
    expect(json.scores[0].scored).toBe(2);
    // The first image has 0.6; the second (1 + 1/3 + 0) / 3.
    expect(dataOf(html).images.map((image) => image.id)).toEqual([id]);
    expect(html).toContain('1 of 2 images: those with the highest mean IoU. The scores above include all images with ground truth.');
    expect(dataOf((await report(0, '--run', tiny.run, '--max-images', '1')).html).images[0].id).toBe('plain');
  });

  it('makes do without ground truth, and takes it from elsewhere', async () => {
    const bare = await makeRun({ a: { width: 2, height: 1, seeds: [0, 3] } });
    const { json, html } = await report(0, '--run', bare.run);
    expect(json.scores).toEqual([]);
    expect(json.bestThreshold).toBeUndefined();
    expect(html).not.toContain('id="scores"');
    expect(html).toContain('id="gallery"');
    expect(dataOf(html).overlays.map(({ value }) => value)).toEqual(['photo', 'labels:0']);
    const masks = join(bare.folder, 'masks');
    await mkdir(masks);
    await writeFile(join(masks, 'a.png'), await readFile(join(bare.run, 'SegmentationClass/a.png')));
    expect((await report(0, '--run', bare.run, '--truth', masks)).json.scores[0].meanIou.error).toBe(1);
    await rm(bare.folder, { recursive: true });
  });

  it('shows the seeds of a devkit that has moved away, and finds it again', async () => {
    const moved = join(tiny.folder, 'moved');
    await writeRun(moved, { plain: second }, { vocRoot: join(tiny.folder, 'nowhere') });
    const { json, html } = await report(0, '--run', moved);
    expect(json.remarks[0]).toContain('Pass it with --voc-root');
    expect(json.scores).toEqual([]);
    expect(html).toContain('class="warning"');
    const again = await report(0, '--run', moved, '--voc-root', tiny.root);
    expect(again.json.remarks).toEqual([]);
    expect(again.json.scores[0].scored).toBe(1);
  });

  it('lists what cannot be read or scored, and exits with 2', async () => {
    const trouble = await makeRun({ a: first, b: { ...second, noPhoto: true } });
    await writeFile(join(trouble.root, 'JPEGImages/a.jpg'), 'this is no photograph');
    await writeFile(join(trouble.run, 'cams/a.npz'), 'these are no maps');
    await rm(join(trouble.root, 'SegmentationClass/b.png'));
    await writeFile(join(trouble.root, 'SegmentationClass/b.png'), await readFile(join(repository, 'data/sample/SegmentationClass/parrot.png')));
    const { json, html } = await report(2, '--run', trouble.run);
    expect(json.problems.map((problem) => problem.id).sort()).toEqual(['a', 'a', 'b']);
    expect(json.remarks).toEqual([expect.stringContaining('1 of 2 photographs are not in')]);
    expect(html).toContain('Problems while writing this report (3)');
    expect(html).toContain('sizes differ');
    const text = await run('report', '--run', trouble.run);
    expect(text.code).toBe(2);
    expect(text.stdout).toMatch(/^3 problems:$/m);
    await rm(trouble.folder, { recursive: true });
  });

  it('says what is wrong', async () => {
    expect(messageOf(await run('report'))).toContain('--run is missing');
    expect(messageOf(await run('report', '--run', join(tiny.folder, 'none')))).toContain('none does not exist');
    expect(messageOf(await run('report', '--run', tiny.root, '--truth', '/nowhere'))).toContain('ground truth folder /nowhere does not exist');
    expect(messageOf(await run('report', '--run', tiny.folder))).toContain('has no seeds');
    expect(messageOf(await run('report', '--run', tiny.run, '--folder', '--out', 'x.html'))).toContain('--folder cannot be used with');
    expect(messageOf(await run('report', '--run', tiny.run, '--folder', '--single-file'))).toContain('cannot be used with');
    expect(messageOf(await run('report', '--run', tiny.run, '--image-size', '0'))).toContain('from 32 to 4096');
    expect(messageOf(await run('report', '--run', tiny.run, '--out', join(tiny.run, 'run.json/x')))).toContain('cannot write');
    await expect(access(join(tiny.folder, 'x.html'))).rejects.toThrow();
  });
});
