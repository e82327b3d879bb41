import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerLabels } from '../../src/cli/commands/labels.js';
import { encodeMask } from '../../src/datasets/masks.js';
import { printedInTests, runCommand } from './terminal.js';

const fixtures = fileURLToPath(new URL('../fixtures/voc/', import.meta.url));
const shared = resolve(fixtures, '../../../../shared/voc');

let root: string;
const printed = printedInTests();
const labels = (...argv: string[]) => runCommand(registerLabels, 'labels', '--voc-root', root, ...argv);

const mask = (...labels: number[]): Uint8Array => encodeMask({ width: labels.length, height: 1, data: Uint8Array.from(labels) }, 'palette');
const annotation = (...objects: [name: string, difficult: 0 | 1][]): string =>
  `<annotation>${objects.map(([name, difficult]) => `<object><name>${name}</name><difficult>${difficult}</difficult></object>`).join('')}</annotation>`;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'labels-cli-'));
  for (const folder of ['JPEGImages', 'Annotations', 'SegmentationClass', 'RgbMasks', 'ImageSets/Segmentation']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await writeFile(join(root, 'ImageSets/Segmentation/val.txt'), 'p\nq\nr\n');
  await writeFile(join(root, 'ImageSets/Segmentation/more.txt'), 'p\nq\nmissing\nr\np\n');
  await writeFile(join(root, 'ImageSets/Segmentation/gone.txt'), 'gone1\ngone2\n');
  await writeFile(join(root, 'Annotations/p.xml'), annotation(['person', 0], ['aeroplane', 0]));
  await writeFile(join(root, 'Annotations/q.xml'), annotation(['dog', 1], ['cat', 0]));
  await writeFile(join(root, 'Annotations/r.xml'), annotation());
  await writeFile(join(root, 'SegmentationClass/p.png'), mask(0, 1, 15, 255));
  await writeFile(join(root, 'SegmentationClass/q.png'), mask(0, 8, 20));
  await writeFile(join(root, 'SegmentationClass/r.png'), mask(0, 0));
  await cp(join(fixtures, 'masks', 'rgb.png'), join(root, 'RgbMasks', 'p.png'));
  await writeFile(join(root, 'labels.txt'), 'p person aeroplane\nq 8\nr\n');
});
afterAll(() => rm(root, { recursive: true }));

describe('listing', () => {
  it('prints a line per image', async () => {
    expect(await labels('--split', 'val', '--labels', 'xml')).toBe(0);
    expect(printed.stdout).toBe('p 1 15\nq 8 12\nr\n');
    expect(printed.stderr).toBe('');
  });

  it('prints names, and leaves out difficult objects', async () => {
    await labels('--split', 'val', '--labels', 'xml', '--names', '--no-difficult');
    expect(printed.stdout).toBe('p aeroplane person\nq cat\nr\n');
  });

  it('narrows the split down', async () => {
    await labels('--split', 'val', '--labels', 'masks', '--ids', 'q,p', '--limit', '1');
    expect(printed.stdout).toBe('q 8 20\n');
  });

  it('writes a file that the labels list reads', async () => {
    const out = join(root, 'made', 'list.txt');
    expect(await labels('--split', 'val', '--labels', 'masks', '--names', '--out', out)).toBe(0);
    expect(printed.stdout).toBe('');
    expect(await readFile(out, 'utf8')).toBe('p aeroplane person\nq cat tvmonitor\nr\n');
    await labels('--split', 'val', '--labels', 'list', '--label-file', out);
    expect(printed.stdout).toBe('p 1 15\nq 8 20\nr\n');
  });

  it('prints JSON', async () => {
    await labels('--split', 'val', '--labels', 'masks', '--limit', '1', '--json');
    expect(JSON.parse(printed.stdout)).toEqual({ split: 'val', source: 'masks', items: [{ id: 'p', classes: [1, 15] }], skipped: [] });
  });

  it('skips images without labels, says why, and exits with 2', async () => {
    expect(await labels('--split', 'more', '--labels', 'xml')).toBe(2);
    expect(printed.stdout).toBe('p 1 15\nq 8 12\nr\n');
    expect(printed.stderr).toContain('skipped missing: no labels for missing from xml: ');
    expect(printed.stderr).toContain('1 of 4 images skipped');
    expect(printed.stderr).toContain('1 repeated lines');
  });

  it('converts masks in colours when asked to', async () => {
    const argv = ['--split', 'val', '--labels', 'masks', '--ids', 'p', '--mask-dir', 'RgbMasks'];
    await expect(labels(...argv)).rejects.toMatchObject({ name: 'UserError', hint: expect.stringContaining('--rgb-masks palette') });
    expect(await labels(...argv, '--rgb-masks', 'voc')).toBe(0);
    const { coloured } = JSON.parse(readFileSync(join(fixtures, 'masks.json'), 'utf8')) as { coloured: Record<string, { labels: number[] }> };
    const present = [...new Set(coloured['rgb.png'].labels)].filter((label) => label > 0 && label < 255).sort((a, b) => a - b);
    expect(printed.stdout).toBe(`p ${present.join(' ')}\n`);
  });
});

describe('comparing', () => {
  it('prints where two sources disagree, and counts per class', async () => {
    expect(await labels('--split', 'val', '--compare', 'xml,masks', '--names')).toBe(0);
    const lines = printed.stdout.split('\n');
    expect(lines.slice(0, 3)).toEqual([
      'q  only in xml: dog  only in masks: tvmonitor', '', 'A: xml, B: masks. 3 images compared: 2 agree, 1 differ.',
    ]);
    const counts = Object.fromEntries(lines.slice(4).map((line) => line.split(/\s{2,}/)).map(([name, ...numbers]) => [name, numbers.map(Number)]));
    expect(counts).toMatchObject({ aeroplane: [1, 1, 0, 0], dog: [1, 0, 1, 0], tvmonitor: [0, 1, 0, 1], sheep: [0, 0, 0, 0] });
  });

  it('prints JSON, with a file of its own for a source', async () => {
    expect(await labels('--split', 'more', '--compare', `list:${join(root, 'labels.txt')},masks`, '--json')).toBe(2);
    expect(JSON.parse(printed.stdout)).toMatchObject({
      split: 'more', a: 'list labels.txt', b: 'masks', images: 3, equal: 2,
      differences: [{ id: 'q', onlyA: [], onlyB: [20] }], skipped: [{ id: 'missing' }],
    });
  });
});

describe('wrong usage', () => {
  it.each([
    [['--split', 'val'], '--labels is missing'],
    [['--labels', 'xml'], '--split is missing'],
    [['--split', 'val', '--labels', 'list'], 'needs a label file'],
    [['--split', 'gone', '--labels', 'xml'], 'none of the 2 images has labels'],
    [['--split', 'val', '--labels', 'xml', '--ids', 'z'], 'no image with the id z'],
    [['--split', 'val', '--labels', 'csv'], 'Allowed are xml, npy, list, masks'],
    [['--split', 'val', '--labels', 'xml:file'], 'take no file'],
    [['--split', 'val', '--labels', 'xml', '--limit', '0'], 'Expected a whole number from 1 up'],
    [['--split', 'val', '--labels', 'xml', '--limit', '3x'], 'Expected a whole number from 1 up'],
    [['--split', 'val', '--labels', 'xml', '--ids', ','], 'Expected image ids'],
    [['--split', 'val', '--compare', 'xml'], 'Expected two label sources'],
    [['--split', 'val', '--labels', 'masks', '--rgb-masks', 'yes'], 'Allowed are reject, palette'],
  ])('%j: %s', async (argv, message) => {
    await expect(labels(...argv)).rejects.toThrow(message);
    expect(printed.stdout).toBe('');
  });
});

// The figure was counted with numpy and Pillow.
it.skipIf(!existsSync(shared))('cls_labels.npy differs from the masks in one of the 311 + 700 images of ../shared', async () => {
  expect(await labels(
    '--voc-root', join(shared, 'VOCdevkit', 'VOC2012'), '--split', 'dev_all', '--compare', 'npy,masks', '--label-file', join(shared, 'cls_labels.npy'), '--json')).toBe(0);
  expect(JSON.parse(printed.stdout)).toMatchObject({ images: 1011, equal: 1010, differences: [{ id: '2008_005245', onlyA: [], onlyB: [15] }] });
});

it('goes on after a bad annotation, whatever is wrong with it', async () => {
  const bad = {
    entity: '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><object><name>&x;</name></object></annotation>',
    names: '<annotation><object><name>dog</name><name>cat</name></object></annotation>',
    nested: '<annotation><object><name><b>dog</b></name></object></annotation>', proto: '<annotation><object><name>__proto__</name></object></annotation>',
    deep: '<a>'.repeat(1000) + '</a>'.repeat(1000), empty: '', json: '{}', two: '<annotation/><annotation/>',
  };
  for (const [id, text] of Object.entries(bad)) await writeFile(join(root, `Annotations/${id}.xml`), text);
  await writeFile(join(root, 'bad.txt'), [...Object.keys(bad), 'p'].join('\n'));
  for (const id of Object.keys(bad)) await cp(join(root, 'JPEGImages/p.jpg'), join(root, `JPEGImages/${id}.jpg`)).catch(() => undefined);
  expect(await labels('--voc-root', root, '--split', join(root, 'bad.txt'), '--labels', 'xml', '--names')).toBe(2);
  expect(printed.stdout).toBe('p aeroplane person\n');
  for (const id of Object.keys(bad)) expect(printed.stderr).toContain(`skipped ${id}: ${join(root, 'Annotations', `${id}.xml`)}`);
  expect(printed.stderr).toContain(`${Object.keys(bad).length} of ${Object.keys(bad).length + 1} images skipped`);
});
