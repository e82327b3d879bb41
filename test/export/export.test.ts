import { cp, lstat, mkdir, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { ClassSet } from '../../src/datasets/classes/class-set.js';
import { VOC } from '../../src/datasets/classes/voc.js';
import { openDevkit } from '../../src/datasets/devkit.js';
import { xmlLabels } from '../../src/datasets/labels/xml.js';
import { readTruth } from '../../src/datasets/truth.js';
import { readMask, writeMask } from '../../src/datasets/masks.js';
import { partitionByPresence, readSplit } from '../../src/datasets/splits.js';
import { exportSeeds } from '../../src/export/export.js';
import { readNpyHeader } from '../../src/formats/numpy/npy-header.js';
import { decodeNpz } from '../../src/formats/numpy/npz.js';
import { numberArray } from '../../src/formats/numpy/number-array.js';
import { parseNpyObject } from '../../src/formats/numpy/npy-object.js';
import { NdArray, numpyPickles } from '../../src/formats/pickle/numpy.js';
import { loadPickle } from '../../src/formats/pickle/pickle.js';
import type { PickleValue } from '../../src/formats/pickle/values.js';
import { parsePng } from '../../src/formats/png/png.js';
import { messageOf, run } from '../cli/terminal.js';
import { makeRun } from '../report/run/tiny-run.js';
import type { TinyRun } from '../report/run/tiny-run.js';

// a: two cats, one of them with a hole, and ignored pixels. b: a person. c: nothing.
const seeds = {
  a: [
    8, 8, 8, 0, 0, 0, 255, 255,
    8, 0, 8, 0, 0, 0, 255, 0,
    8, 8, 8, 0, 0, 8, 8, 0,
    0, 0, 0, 0, 0, 8, 0, 0,
  ],
  b: [15, 15, 0, 15, 0, 0],
  c: new Array<number>(9).fill(0),
};
const catMap = Array.from({ length: 32 }, (_, i) => i / 31);
const dogMap = Array.from({ length: 32 }, (_, i) => (31 - i) / 64);

let tiny: TinyRun;
let count = 0;
const fresh = (name = ''): string => join(tiny.folder, `out-${count++}${name}`);
const everything = async (of: string): Promise<string[]> => (await readdir(of, { recursive: true })).sort();

beforeAll(async () => {
  tiny = await makeRun({
    a: { width: 8, height: 4, seeds: seeds.a, maps: { 8: catMap, 12: dogMap }, truth: seeds.a },
    b: { width: 2, height: 3, seeds: seeds.b, maps: { 15: [1, 0.5, 0, 1, 0.25, 0] }, truth: seeds.b },
    c: { width: 3, height: 3, seeds: seeds.c, truth: seeds.c },
  });
  const record = JSON.parse(await readFile(join(tiny.run, 'run.json'), 'utf8')) as Record<string, unknown>;
  record.notes = [{ id: 'c', notes: ['no class: all background'] }];
  await writeFile(join(tiny.run, 'run.json'), JSON.stringify(record));
});
afterAll(() => rm(tiny.folder, { recursive: true }));

/** Exports the run, which must succeed. */
async function exported(to: string, out: string, ...flags: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('export', tiny.run, '--to', to, '--out', out, ...flags);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/: 3 images, in \d+\.\d s\n$/);
  return out;
}

describe('export --to voc', () => {
  it('is a devkit with links to the photographs', async () => {
    const out = await exported('voc', fresh());
    const root = join(out, 'VOCdevkit/VOC2012');
    const split = await readSplit(await openDevkit(root), 'train');
    expect(split.items.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect((await partitionByPresence(split.items)).missing).toEqual([]);
    for (const { id, imagePath, truth } of split.items) {
      expect((await lstat(imagePath)).isSymbolicLink()).toBe(true);
      expect(await realpath(imagePath)).toBe(await realpath(join(tiny.root, 'JPEGImages', `${id}.jpg`)));
      expect(await readTruth(truth!)).toEqual(await readMask(join(tiny.run, 'SegmentationClass', `${id}.png`)));
    }
  });

  it('copies photographs or leaves them out, and names its list', async () => {
    const copy = join(await exported('voc', fresh(), '--photos', 'copy', '--split', 'trainval'), 'VOCdevkit/VOC2012');
    expect((await lstat(join(copy, 'JPEGImages/a.jpg'))).isFile()).toBe(true);
    expect(await readFile(join(copy, 'JPEGImages/a.jpg'))).toEqual(await readFile(join(tiny.root, 'JPEGImages/a.jpg')));
    expect(await readFile(join(copy, 'ImageSets/Segmentation/trainval.txt'), 'utf8')).toBe('a\nb\nc\n');
    const none = await exported('voc', fresh(), '--photos', 'none');
    expect(await readdir(join(none, 'VOCdevkit/VOC2012'))).toEqual(['ImageSets', 'SegmentationClass']);
  });
});

describe('export --to coco', () => {
  it('writes images, categories and components', async () => {
    const json = JSON.parse(await readFile(await exported('coco', fresh('.json')), 'utf8')) as Record<string, Record<string, unknown>[]>;
    expect(json.images).toEqual([
      { id: 1, file_name: 'a.jpg', width: 8, height: 4 }, { id: 2, file_name: 'b.jpg', width: 2, height: 3 }, { id: 3, file_name: 'c.jpg', width: 3, height: 3 },
    ]);
    expect(json.categories).toHaveLength(20);
    expect(json.categories[7]).toEqual({ id: 8, name: 'cat', supercategory: 'cat' });
    // The texts are those of pycocotools for these masks.
    expect(json.annotations).toEqual([
      { id: 1, image_id: 1, category_id: 8, iscrowd: 0, area: 8, bbox: [0, 0, 3, 3], segmentation: { size: [4, 8], counts: '031N0002d0' } },
      { id: 2, image_id: 1, category_id: 8, iscrowd: 0, area: 3, bbox: [5, 2, 2, 2], segmentation: { size: [4, 8], counts: 'f022O3' } },
      { id: 3, image_id: 2, category_id: 15, iscrowd: 0, area: 3, bbox: [0, 0, 2, 2], segmentation: { size: [3, 2], counts: '0121O' } },
    ]);
  });

  it('leaves out small objects', async () => {
    const json = JSON.parse(await readFile(await exported('coco', fresh('.json'), '--min-area', '4'), 'utf8')) as { annotations: { area: number }[] };
    expect(json.annotations.map(({ area }) => area)).toEqual([8]);
  });

  it('uses the category ids of the class set', async () => {
    const masks = fresh();
    await writeMask(join(masks, 'x.png'), { width: 2, height: 1, data: Uint8Array.of(0, 80) });
    const out = fresh('.json');
    expect((await run('export', '--masks', masks, '--class-set', 'coco', '--to', 'coco', '--out', out)).code).toBe(0);
    const json = JSON.parse(await readFile(out, 'utf8')) as { images: object[]; annotations: object[] };
    expect(json.images).toEqual([{ id: 1, file_name: 'x.jpg', width: 2, height: 1 }]);
    // Toothbrush is the 80th category, and its id is 90.
    expect(json.annotations).toMatchObject([{ category_id: 90, bbox: [1, 0, 1, 1] }]);
  });
});

describe('export --to voc-boxes', () => {
  it('writes boxes counted from 1, which --labels xml reads', async () => {
    const out = await exported('voc-boxes', fresh());
    const xml = await readFile(join(out, 'Annotations/a.xml'), 'utf8');
    expect(xml).toContain('<filename>a.jpg</filename>');
    expect(xml.match(/<(?:name|width|height|[xy]m\w+)>[^<]*/g)).toEqual([
      '<width>8', '<height>4', '<name>cat', '<xmin>1', '<ymin>1', '<xmax>3', '<ymax>3', '<name>cat', '<xmin>6', '<ymin>3', '<xmax>7', '<ymax>4',
    ]);
    const labels = await xmlLabels({ devkit: await openDevkit(out) });
    const item = { imagePath: '', maskPath: '' };
    const found = await Promise.all(['a', 'b', 'c'].map((id) => labels.labels({ ...item, id })));
    expect(found).toEqual([[8], [15], []]);
  });

  it('escapes the names of classes', async () => {
    const [masks, names, out] = [fresh(), fresh('.txt'), fresh()];
    await writeMask(join(masks, 'x.png'), { width: 1, height: 1, data: Uint8Array.of(1) });
    await writeFile(names, 'nuts & <bolts>\n');
    expect((await run('export', '--masks', masks, '--class-set', names, '--to', 'voc-boxes', '--out', out)).code).toBe(0);
    expect(await readFile(join(out, 'Annotations/x.xml'), 'utf8')).toContain('<name>nuts &amp; &lt;bolts&gt;</name>');
  });
});

describe('export --to yolo-seg', () => {
  it('writes outer borders as shares of the size, and data.yaml', async () => {
    const out = await exported('yolo-seg', fresh());
    // Corners (0, 0), (0, 2), (2, 2), (2, 0) of the ring, its hole filled: (x + 0.25) / 8, (y + 0.25) / 4.
    // The second cat: (5, 2), (5, 3), (6, 2).
    expect(await readFile(join(out, 'labels/a.txt'), 'utf8')).toBe([
      '7 0.031250 0.062500 0.031250 0.562500 0.281250 0.562500 0.281250 0.062500',
      '7 0.656250 0.562500 0.656250 0.812500 0.781250 0.562500', '',
    ].join('\n'));
    expect(await readFile(join(out, 'labels/c.txt'), 'utf8')).toBe('');
    expect(await readdir(join(out, 'images'))).toEqual(['a.jpg', 'b.jpg', 'c.jpg']);
    const data = parseYaml(await readFile(join(out, 'data.yaml'), 'utf8')) as { train: string; names: Record<number, string> };
    expect(data.train).toBe('images');
    expect(Object.values(data.names)).toEqual(VOC.classes);
  });

  it('repeats the points of a single pixel and a line', async () => {
    const masks = fresh();
    await writeMask(join(masks, 'x.png'), { width: 4, height: 2, data: Uint8Array.of(1, 0, 0, 0, 0, 0, 2, 2) });
    const out = fresh();
    expect((await run('export', '--masks', masks, '--to', 'yolo-seg', '--photos', 'none', '--out', out)).code).toBe(0);
    expect(await readFile(join(out, 'labels/x.txt'), 'utf8')).toBe(
      '0 0.062500 0.125000 0.062500 0.125000 0.062500 0.125000\n1 0.562500 0.625000 0.812500 0.625000 0.562500 0.625000\n');
  });
});

describe('export --to hf', () => {
  it('writes an image folder with masks and classes', async () => {
    const out = await exported('hf', fresh());
    expect((await readFile(join(out, 'train/metadata.jsonl'), 'utf8')).trim().split('\n').map((line) => JSON.parse(line) as unknown)).toEqual([
      { file_name: 'images/a.jpg', mask_file_name: 'masks/a.png', id: 'a', classes: ['cat'] },
      { file_name: 'images/b.jpg', mask_file_name: 'masks/b.png', id: 'b', classes: ['person'] },
      { file_name: 'images/c.jpg', mask_file_name: 'masks/c.png', id: 'c', classes: [] },
    ]);
    const bytes = await readFile(join(out, 'train/masks/a.png'));
    // 8 bits, gray
    expect([...bytes.subarray(24, 26)]).toEqual([8, 0]);
    expect([...(await readMask(join(out, 'train/masks/a.png'))).data]).toEqual(seeds.a);
    expect(JSON.parse(await readFile(join(out, 'id2label.json'), 'utf8'))).toMatchObject({ 0: 'background', 8: 'cat', 20: 'tvmonitor' });
    expect(await everything(await exported('hf', fresh(), '--split', 'val', '--photos', 'copy'))).toContain('validation/metadata.jsonl');
  });
});

describe('export --to irn and psa', () => {
  type Dict = Map<PickleValue, PickleValue>;
  const dictOf = async (path: string): Promise<Dict> => parseNpyObject(await readFile(path)) as Dict;
  const arrayOf = (value: PickleValue | undefined) => {
    const { shape, values } = numberArray(value ?? null)!;
    return { shape, values: [...values] };
  };

  it('irn has keys from 0, maps in full, and maps of a quarter of the size', async () => {
    const out = await exported('irn', fresh());
    const dict = await dictOf(join(out, 'a.npy'));
    expect([...dict.keys()]).toEqual(['keys', 'cam', 'high_res']);
    expect(arrayOf(dict.get('keys'))).toEqual({ shape: [2], values: [7, 11] });
    const stored = decodeNpz(await readFile(join(tiny.run, 'cams/a.npz'))).get('maps')!;
    expect(arrayOf(dict.get('high_res'))).toEqual({ shape: [2, 4, 8], values: [...stored.values] });
    // The middle of a block of 4 x 4 is between pixels 1 and 2: the mean of four pixels, which are linear in their place.
    const small = arrayOf(dict.get('cam'));
    expect(small.shape).toEqual([2, 1, 2]);
    const means = [(1.5 * 8 + 1.5) / 31, (1.5 * 8 + 5.5) / 31, (31 - 13.5) / 64, (31 - 17.5) / 64];
    means.forEach((value, i) => { expect(small.values[i]).toBeCloseTo(value, 6); });
    expect(arrayOf((await dictOf(join(out, 'c.npy'))).get('keys')).shape).toEqual([0]);
  });

  it('psa has a map for each class', async () => {
    const out = await exported('psa', fresh());
    const dict = await dictOf(join(out, 'a.npy'));
    expect([...dict.keys()]).toEqual([7, 11]);
    expect(arrayOf(dict.get(11))).toEqual({ shape: [4, 8], values: dogMap });
    expect((await dictOf(join(out, 'c.npy'))).size).toBe(0);
  });

  it('eval scores all three alike', async () => {
    const list = fresh('.txt');
    await writeFile(list, 'a\nb\n');
    const scores = async (maps: string): Promise<string> => {
      const { code, stdout, stderr } = await run('eval', '--voc-root', tiny.root, '--split', list, '--maps', maps);
      expect(code, stderr).toBe(0);
      return stdout;
    };
    const own = await scores(join(tiny.run, 'cams'));
    expect(await scores(await exported('irn', fresh()))).toBe(own);
    expect(await scores(await exported('psa', fresh()))).toBe(own);
  });

  it('names nothing but what numpy needs', async () => {
    const bytes = await readFile(join(await exported('irn', fresh()), 'a.npy'));
    const { type, shape, fortran, content } = readNpyHeader(bytes);
    expect({ type, shape, fortran }).toEqual({ type: 'O', shape: [], fortran: false });
    // This refuses everything that is not numpy's.
    expect(loadPickle(content, numpyPickles)).toBeInstanceOf(NdArray);
    expect([...new Set(content.toString('latin1').match(/numpy[\w.]*\n\w+\n/g))].sort()).toEqual([
      'numpy\ndtype\n', 'numpy\nndarray\n', 'numpy.core.multiarray\n_reconstruct\n',
    ]);
  });
});

describe('export --to overlays', () => {
  it('shows the colours of the classes over the photograph', async () => {
    const out = await exported('overlays', fresh(), '--alpha', '1');
    const { data, info } = await sharp(join(out, 'c.jpg')).raw().toBuffer({ resolveWithObject: true });
    const photo = await sharp(join(tiny.root, 'JPEGImages/c.jpg')).raw().toBuffer();
    expect([info.width, info.height]).toEqual([3, 3]);
    data.forEach((value, i) => { expect(Math.abs(value - photo[i])).toBeLessThan(6); });
    const whole = fresh();
    await writeMask(join(whole, 'c.png'), { width: 3, height: 3, data: new Uint8Array(9).fill(15) });
    const people = fresh();
    expect((await run('export', '--masks', whole, '--voc-root', tiny.root, '--to', 'overlays', '--alpha', '1', '--out', people)).code).toBe(0);
    const person = await sharp(join(people, 'c.jpg')).raw().toBuffer();
    // VOC's colour of persons is (192, 128, 128).
    person.forEach((value, i) => { expect(Math.abs(value - [192, 128, 128][i % 3])).toBeLessThan(4); });
  });
});

describe('export of other classes', () => {
  it('takes the classes and the palette of the run', async () => {
    const classSet = { name: 'defects', classes: Array.from({ length: 30 }, (_, i) => `flaw ${i + 1}`), colours: { 'flaw 30': [1, 2, 3] as const } };
    const other = await makeRun({ x: { width: 2, height: 1, seeds: [30, 0], maps: { 30: [1, 0.25] } } });
    try {
      const record = JSON.parse(await readFile(join(other.run, 'run.json'), 'utf8')) as object;
      await writeFile(join(other.run, 'run.json'), JSON.stringify({ ...record, classSet }));
      await writeMask(join(other.run, 'SegmentationClass/x.png'), { width: 2, height: 1, data: Uint8Array.of(30, 0) }, 'palette', new ClassSet(classSet));
      for (const to of ['voc', 'voc-boxes', 'yolo-seg', 'hf', 'irn', 'psa', 'overlays']) {
        const { code, stderr } = await run('export', other.run, '--to', to, '--out', join(other.folder, to));
        expect(code, stderr).toBe(0);
      }
      const png = parsePng(await readFile(join(other.folder, 'voc/VOCdevkit/VOC2012/SegmentationClass/x.png')));
      expect([...png.palette!.subarray(90, 93)]).toEqual([1, 2, 3]);
      expect(await readFile(join(other.folder, 'voc-boxes/Annotations/x.xml'), 'utf8')).toContain('<name>flaw 30</name>');
      expect(await readFile(join(other.folder, 'yolo-seg/labels/x.txt'), 'utf8')).toMatch(/^29 /);
      expect(await readFile(join(other.folder, 'hf/train/metadata.jsonl'), 'utf8')).toContain('"classes":["flaw 30"]');
      const dict = parseNpyObject(await readFile(join(other.folder, 'psa/x.npy'))) as Map<PickleValue, PickleValue>;
      expect([...dict.keys()]).toEqual([29]);
    } finally {
      await rm(other.folder, { recursive: true });
    }
  });
});

describe('export', () => {
  it('leaves out what is damaged, says so, and ends with 2', async () => {
    const masks = fresh();
    await writeMask(join(masks, 'a.png'), { width: 8, height: 4, data: Uint8Array.from(seeds.a) });
    await writeMask(join(masks, 'b.png'), { width: 3, height: 2, data: Uint8Array.from(seeds.b) });
    await writeFile(join(masks, 'c.png'), 'no picture');
    await writeMask(join(masks, 'd.png'), { width: 1, height: 1, data: Uint8Array.of(1) });
    await writeMask(join(masks, 'e.png'), { width: 1, height: 1, data: Uint8Array.of(21) });
    const out = fresh();
    const { code, stdout } = await run('export', '--masks', masks, '--voc-root', tiny.root, '--to', 'voc', '--out', out, '--json');
    expect(code).toBe(2);
    const summary = JSON.parse(stdout) as { written: number; failures: { id: string; reason: string }[] };
    expect(summary).toMatchObject({ written: 1, interrupted: false, format: 'voc' });
    expect(Object.fromEntries(summary.failures.map(({ id, reason }) => [id, reason]))).toEqual({
      b: expect.stringMatching(/its photograph .*b\.jpg is 2x3, but its labels are 3x2/) as unknown, c: expect.stringContaining('it is not a PNG') as unknown,
      d: expect.stringContaining('its photograph is not on disk') as unknown, e: expect.stringContaining('has the label 21, which is not a VOC class') as unknown,
    });
    expect(await readFile(join(out, 'VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt'), 'utf8')).toBe('a\n');
    expect(await readdir(join(out, 'VOCdevkit/VOC2012/JPEGImages'))).toEqual(['a.jpg']);
  });

  it('writes nothing if no image can be exported', async () => {
    const masks = fresh();
    await mkdir(masks);
    await writeFile(join(masks, 'x.png'), '');
    const out = fresh();
    expect(messageOf(await run('export', '--masks', masks, '--to', 'voc-boxes', '--out', out))).toContain('none of the 1 images can be exported; the first is x');
    expect((await readdir(tiny.folder)).filter((name) => name.startsWith(out.slice(tiny.folder.length + 1)))).toEqual([]);
  });

  it('writes nothing if it is interrupted', async () => {
    const out = fresh();
    const controller = new AbortController();
    const summary = await exportSeeds({ run: tiny.run, to: 'voc', out, signal: controller.signal, onStart: () => { controller.abort(); } });
    expect(summary).toMatchObject({ interrupted: true, written: 0 });
    expect((await readdir(tiny.folder)).filter((name) => name.startsWith(out.slice(tiny.folder.length + 1)))).toEqual([]);
  });

  it('gives the same with threads', async () => {
    const masks = fresh();
    for (let i = 0; i < 20; i++) {
      await writeMask(join(masks, `m${i}.png`), { width: 8, height: 4, data: Uint8Array.from(seeds.a, (label) => (label === 8 ? 1 + i : label)) });
    }
    const [one, three] = [fresh('.json'), fresh('.json')];
    for (const [out, workers] of [[one, '1'], [three, '3']] as const) {
      expect((await run('export', '--masks', masks, '--to', 'coco', '--out', out, '--workers', workers)).code).toBe(0);
    }
    expect(await readFile(three, 'utf8')).toBe(await readFile(one, 'utf8'));
    const [a, b] = [fresh(), fresh()];
    for (const [out, workers] of [[a, '1'], [b, '2']] as const) {
      expect((await run('export', '--masks', masks, '--to', 'yolo-seg', '--photos', 'none', '--out', out, '--workers', workers)).code).toBe(0);
    }
    for (const name of await readdir(join(a, 'labels'))) expect(await readFile(join(b, 'labels', name), 'utf8')).toBe(await readFile(join(a, 'labels', name), 'utf8'));
  });

  it('never writes to a folder with files, a data set, the run or its record', async () => {
    const before = await everything(tiny.root);
    const out = fresh();
    await mkdir(out);
    await exported('voc-boxes', out);
    const refused = async (...argv: string[]): Promise<string> => messageOf(await run('export', tiny.run, ...argv));
    expect(await refused('--to', 'voc-boxes', '--out', out)).toContain('already contains files');
    expect(await refused('--to', 'voc', '--out', tiny.root)).toContain('already contains files');
    expect(await refused('--to', 'voc', '--out', tiny.run)).toContain('already contains files');
    expect(await refused('--to', 'coco', '--out', join(tiny.run, 'run.json'))).toContain('is the name of a run\'s record');
    expect(await refused('--to', 'coco', '--out', fresh())).toContain('is not the name of a JSON file');
    expect(await everything(tiny.root)).toEqual(before);
  });

  it('keeps the order of the list, also of a run of an earlier version', async () => {
    const older = fresh();
    await cp(tiny.run, older, { recursive: true });
    await rm(join(older, 'ImageSets/Segmentation'), { recursive: true });
    await writeFile(join(older, 'ImageSets/train.txt'), 'c\na\nb\n');
    const out = fresh();
    expect((await run('export', older, '--to', 'voc', '--out', out)).code).toBe(0);
    expect(await readFile(join(out, 'VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt'), 'utf8')).toBe('c\na\nb\n');
  });

  it('says what is missing or without effect', async () => {
    const refused = async (...argv: string[]): Promise<string> => messageOf(await run('export', ...argv));
    expect(await refused(tiny.run, '--out', fresh())).toContain('--to is missing');
    expect(await refused(tiny.run, '--to', 'voc')).toContain('--out is missing');
    expect(await refused('--to', 'voc', '--out', fresh())).toContain('there is nothing to export');
    expect(await refused(tiny.run, '--masks', tiny.run, '--to', 'voc', '--out', fresh())).toContain('cannot be exported together');
    expect(await refused('--masks', join(tiny.run, 'SegmentationClass'), '--to', 'irn', '--out', fresh())).toContain('there are no maps');
    expect(await refused('--masks', join(tiny.run, 'SegmentationClass'), '--to', 'voc', '--out', fresh())).toContain('none of the photographs is on disk');
    expect(await refused(tiny.run, '--to', 'hf', '--photos', 'none', '--out', fresh())).toContain('needs photographs');
    expect(await refused(tiny.run, '--to', 'irn', '--min-area', '3', '--out', fresh())).toContain('--min-area has no effect with --to irn');
    expect(await refused(tiny.run, '--to', 'yolo', '--out', fresh())).toContain('Did you mean');
  });
});
