import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportedCommand } from '../../../src/report/measures/kind.js';
import { writeFaithfulnessReport } from '../../../src/report/measures/faithfulness-report.js';
import { writeLocalizeReport } from '../../../src/report/measures/localize-report.js';
import type { InlinePanels, PageData } from '../../../src/report/run/page-data.js';
import { messageOf, run } from '../../cli/terminal.js';
import { hostile, makeResults } from './tiny-results.js';
import type { TinyResults } from './tiny-results.js';

let tiny: TinyResults;
beforeAll(async () => { tiny = await makeResults(); });
afterAll(() => rm(tiny.folder, { recursive: true }));

const jsonIn = (html: string, id: string): unknown => JSON.parse(new RegExp(`id="${id}">(.*?)</script>`).exec(html)![1]);

describe('the report of localize', () => {
  it('has the scores, and the boxes and results of each image', async () => {
    const { page, problems, remarks, scores, images, gallery } = await writeLocalizeReport({ run: tiny.boxes });
    expect([images, gallery, problems]).toEqual([4, 4, []]);
    expect(scores).toEqual([{ name: 'boxes', gtKnown: 0.5, loc1: 0.5, boxAccuracyV2: 0.625 }]);
    expect(remarks).toEqual(['1 of 4 photographs of the gallery were not found. Pass their folder with --images.']);
    const html = await readFile(page!, 'utf8');
    expect(html).toContain('<small>25.0 to 75.0</small>');
    expect(html).toContain('All thresholds were chosen on the scored images');
    expect(html).toContain('cannot read &lt;lost&gt;');
    // Two of four boxes are good at the second threshold, none at the first one, whose box is the whole image: 1200 of 6000 pixels.
    expect(html).toContain('GT-known: 2 points from 0 at 0 to 50 at 0.5;');
    expect(html).toContain('BoxAcc at 0.3: 2 points from 0 at 0 to 75 at 0.5;');
    const data = jsonIn(html, 'report-data') as PageData;
    const byId = new Map(data.images.map((image) => [image.id, image]));
    expect(data.classes).toEqual(['background', 'dog', '<cat>, tabby']);
    expect(data.kinds).toEqual(['right', 'wrong class', 'wrong box']);
    expect(Object.fromEntries([...byId].map(([id, { kinds }]) => [id, kinds]))).toEqual({ good: [0], wide: [2], [hostile]: [1], missed: [1, 2] });
    expect(byId.get('good')!.scores[0]!.mean.error).toBeCloseTo(1200 / (41 * 31), 4);
    expect(byId.get('wide')!.scores[0]!.mean.error).toBeCloseTo(1200 / (81 * 31), 4);
    expect(byId.get('missed')).toMatchObject({ photo: false, w: 100, h: 60, scores: [{ mean: { error: 0 } }] });
    expect(byId.get(hostile)!.notes).toEqual(['Most likely class: dog.', '<cat>, tabby: number 3 of the most likely classes.']);
    const panels = jsonIn(html, 'report-panels') as InlinePanels;
    expect(panels[byId.get(hostile)!.file].header.boxes).toEqual([
      { kind: 'true', label: 2, edges: [10, 10, 50, 40] }, { kind: 'found', label: 2, edges: [10, 10, 50, 40], of: 0 },
      { kind: 'other', label: 1, edges: [60, 20, 90, 50], of: 0 },
    ]);
  });

  it('has the scores of several variants, and the boxes of each', async () => {
    const { page, problems, scores } = await writeLocalizeReport({ run: tiny.grid });
    expect([problems, scores.map(({ name, gtKnown }) => [name, gtKnown])]).toEqual([[], [['/32', 0.5], ['<both>', 1]]]);
    const html = await readFile(page!, 'utf8');
    expect(html).toContain('<th scope="row">&lt;both&gt;</th><td class="num">0</td><td class="num">100.0 (100.0 to 100.0)</td>');
    expect(html).toContain('<th scope="row">&lt;both&gt;</th><td class="num">+50.0 (+25.0 to +75.0)</td><td class="num">–</td>');
    expect(html).toContain('<td class="num">+50.0</td></tr>');
    expect(html).toContain('of 3 classes with masks');
    // Each variant has its own curve and threshold.
    expect(html).toContain('/32: 2 points from 0 at 0 to 50 at 0.5;');
    expect(html).toContain('&lt;both&gt;: 2 points from 100 at 0 to 100 at 0.5');
    const data = jsonIn(html, 'report-data') as PageData;
    expect(data.overlays.map(({ name }) => name)).toEqual(['Photo', '/32', '<both>']);
    const wide = data.images.find(({ id }) => id === 'wide')!;
    expect(wide.kinds).toEqual([2]);
    expect(wide.scores[1]!.mean.error).toBeCloseTo(1200 / (41 * 31), 4);
    const label = data.classes.indexOf('<cat>, tabby');
    expect((jsonIn(html, 'report-panels') as InlinePanels)[wide.file].header.boxes).toEqual([
      { kind: 'true', label, edges: [10, 10, 50, 40] }, { kind: 'found', label, edges: [10, 10, 90, 40], of: 0 },
      { kind: 'found', label, edges: [10, 10, 50, 40], of: 1 },
    ]);
  });

  it('may be a folder of some images, scaled, whose boxes are not in the page', async () => {
    const out = join(tiny.folder, 'few');
    const { page, gallery } = await writeLocalizeReport({ run: tiny.boxes, out, maxImages: 2, choose: 'worst', imageSize: 50, singleFile: false });
    expect(gallery).toBe(2);
    expect((await readdir(join(out, 'images'))).sort()).toEqual(['made-with.json', 'missed.js', 'wide.js', 'wide.webp']);
    const html = await readFile(page!, 'utf8');
    expect(JSON.stringify(jsonIn(html, 'report-data'))).not.toContain('edges');
    expect(html).toContain('2 of 4 images: those with the lowest mean IoU.');
    expect(await readFile(join(out, 'images/wide.js'), 'utf8')).toContain('"of":0,"edges":[5,5,45,20]');
  });

  it('shows the scored images, and reports records that cannot be read', async () => {
    const path = join(tiny.boxes, 'localize.json');
    const text = await readFile(path, 'utf8');
    const list = join(tiny.folder, 'list.txt');
    await writeFile(list, 'good.jpg\nwide.jpg\nbroken.jpg\n');
    await writeFile(join(tiny.boxes, 'images/broken.json'), '{"size":[60,100]');
    const value = JSON.parse(text) as { run: { settings: object } };
    await writeFile(path, JSON.stringify({ ...value, run: { ...value.run, settings: { ...value.run.settings, scoreOn: list } } }));
    const { gallery, problems, remarks } = await writeLocalizeReport({ run: tiny.boxes, out: join(tiny.folder, 'scored') });
    expect([gallery, problems.map(({ id }) => id)]).toEqual([2, ['broken']]);
    expect(remarks).toEqual(['The scores are of 4 images, but 3 records were found: curves and the gallery show those.']);
    await rm(join(tiny.boxes, 'images/broken.json'));
    await writeFile(path, '{"cases":4}');
    await expect(writeLocalizeReport({ run: tiny.boxes })).rejects.toThrow('localize.json is not the result of localize');
    await writeFile(path, text);
  });
});

describe('the report of faithfulness', () => {
  it('has means, differences and curves, and no gallery', async () => {
    const { page, images } = await writeFaithfulnessReport({ run: tiny.faithfulness });
    expect(images).toBe(2);
    const html = await readFile(page!, 'utf8');
    expect(html).toContain('<th scope="row">&lt;layer-cam&gt;</th><td class="num">25.0 (12.5 to 87.5)</td><td class="num">25.0 (12.5 to 87.5)</td>');
    expect(html).toContain('<td class="num">\u221225.0 (\u221250.0 to +12.5)</td>');
    expect(html).toContain('unchanged: 100.0 and 93.8; grad-cam: 50.0 and 50.0; &lt;layer-cam&gt;: 25.0 and 25.0.');
    expect(html).toContain('grad-cam: 3 points from 25 at 0 to 75 at 100;');
    expect(html).toContain('<dd>50.0 %<small>grad-cam</small></dd>');
    expect(html).not.toContain('id="gallery"');
    // The settings of the run, without its counts and times.
    expect(html).toContain('<th scope="row">steps</th><td>2</td>');
  });
});

describe('report', () => {
  it('knows what has written a folder', async () => {
    expect(await Promise.all([tiny.boxes, tiny.faithfulness, tiny.folder].map(reportedCommand))).toEqual(['localize', 'faithfulness', 'generate']);
    const boxes = await run('report', '--run', tiny.boxes, '--out', join(tiny.folder, 'cli.html'), '--images', join(tiny.folder, 'photos'));
    expect(boxes).toMatchObject({ code: 0 });
    expect(boxes.stdout).toContain('cli.html: 4 images, in ');
    expect(boxes.stdout).toContain('boxes: GT-known 50.0 %, loc1 50.0 %, BoxAccV2 62.5 %');
    const tests = await run('report', '--run', tiny.faithfulness, '--json');
    expect(JSON.parse(tests.stdout)).toMatchObject({ page: join(tiny.faithfulness, 'report/index.html'), images: 2, gallery: 0 });
    expect(messageOf(await run('report', '--run', tiny.boxes, '--voc-root', 'x'))).toContain('--voc-root is for the report of generate');
    expect(messageOf(await run('report', '--run', tiny.faithfulness, '--images', 'x'))).toContain('--images is for the report of localize');
  });
});
