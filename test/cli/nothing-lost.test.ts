import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeMask, encodeMask } from '../../src/datasets/masks.js';
import { repository } from '../helpers.js';
import { makeDevkit, photograph, writeSplit } from '../pipeline/tiny.js';
import type { TinyDevkit } from '../pipeline/tiny.js';
import { messageOf, run } from './terminal.js';

const sizes: Record<string, [number, number, string[]]> = {
  a: [60, 40, ['dog']], b: [40, 64, ['cat', 'person']], c: [50, 50, ['bus', 'aeroplane']], d: [33, 47, ['sofa']], e: [64, 48, ['train']], f: [48, 64, []],
};
const ids = Object.keys(sizes);
let devkit: TinyDevkit;
let folder: string;
let common: string[];
let count = 0;
const fresh = (): string => join(folder, `out-${count++}`);

beforeAll(async () => {
  devkit = await makeDevkit(sizes);
  ({ folder } = devkit);
  await mkdir(join(devkit.root, 'SegmentationClass'));
  for (const [id, [width, height, names]] of Object.entries(sizes)) {
    const data = new Uint8Array(width * height);
    if (names.length > 0) data.fill(12, 0, width);
    await writeFile(join(devkit.root, 'SegmentationClass', `${id}.png`), encodeMask({ width, height, data }, 'palette'));
  }
  await writeSplit(devkit.root, 'many', await copies(60));
  common = ['--model', devkit.model, '--voc-root', devkit.root, '--labels', 'xml', '--input-size', 'short:64', '--workers', '1'];
});
afterAll(() => rm(folder, { recursive: true }));

/** More photographs, for runs that take a while. */
async function copies(number: number): Promise<string[]> {
  const names = Array.from({ length: number }, (_, i) => `m${i}`);
  for (const [i, name] of names.entries()) {
    await writeFile(join(devkit.root, 'JPEGImages', `${name}.jpg`), await photograph(i, 60, 40));
    for (const [part, ending] of [['Annotations', 'xml'], ['SegmentationClass', 'png']]) {
      await cp(join(devkit.root, part, `a.${ending}`), join(devkit.root, part, `${name}.${ending}`));
    }
  }
  return names;
}

/** Everything that is saved. */
const generateArgs = (out: string, ...more: string[]): string[] => [
  'generate', ...common, '--config', 'paper', '--split', 'train', '--out', out, '--save-cams', '--save-unrefined', '--refine', 'pamr:iterations=1', ...more,
];
const ablateArgs = (out: string, ...more: string[]): string[] => ['ablate', ...common, '--split', 'train', '--out', out, '--bootstrap', '0', '--fuse', 'max,mean', ...more];

interface Json { counts: Record<string, number>; remade: string[] }

async function generate(out: string, ...more: string[]): Promise<Json> {
  const { code, stdout, stderr } = await run(...generateArgs(out, '--json', ...more));
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Json;
}

/** The SHA-256 of the results of a run by their path in its folder. */
async function results(out: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of (await readdir(out, { recursive: true })).sort()) {
    if (/^(?:SegmentationClass(?:Unrefined)?|Confidence|cams|ImageSets\/Segmentation|images)\//.test(name)) files.set(name, createHash('sha256').update(await readFile(join(out, name))).digest('hex'));
  }
  return files;
}

const names = async (out: string): Promise<string[]> => (await readdir(out, { recursive: true })).sort();

describe('a run that goes on', () => {
  let whole: string;
  let wanted: Map<string, string>;
  beforeAll(async () => {
    whole = fresh();
    await generate(whole);
    wanted = await results(whole);
  });

  /** A copy of the run, with these files changed. */
  async function damaged(): Promise<string> {
    const out = fresh();
    await cp(whole, out, { recursive: true });
    await truncate(join(out, 'SegmentationClass/a.png'));
    await truncate(join(out, 'SegmentationClass/b.png'), 300);
    // A valid mask, of another size.
    await cp(join(whole, 'SegmentationClass/a.png'), join(out, 'SegmentationClass/c.png'));
    await truncate(join(out, 'cams/d.npz'), 1000);
    return out;
  }

  it('makes again what is empty, cut, or of another content, and says so', async () => {
    const out = await damaged();
    // As long as before, and a PNG: only the label of one pixel is another.
    const path = join(out, 'SegmentationClassUnrefined/e.png');
    const { width, height, data } = decodeMask(await readFile(path), path);
    const changed = encodeMask({ width, height, data: data.map((label, i) => (i === 0 ? 19 - label : label)) }, 'palette');
    await writeFile(path, changed);
    const { code, stdout, stderr } = await run(...generateArgs(out));
    expect(code).toBe(0);
    expect(stderr).toContain('5 seeds of an earlier run were missing or damaged and are made again\n');
    expect(stdout).toContain('5 images written to');
    expect(stdout).toContain('5 of an earlier run were missing or damaged and were made again\n');
    expect(await results(out)).toEqual(wanted);
    expect(JSON.parse(await readFile(join(out, 'run.json'), 'utf8'))).toMatchObject({ remade: ['a', 'b', 'c', 'd', 'e'], counts: { written: 5, resumed: 1 } });
    expect(await generate(out)).toMatchObject({ remade: [], counts: { written: 0, resumed: 6 } });
  });

  it('makes again what is missing beside the seeds', async () => {
    const out = fresh();
    await cp(whole, out, { recursive: true });
    // The photograph without classes never had maps.
    await rm(join(out, 'cams'), { recursive: true });
    await rm(join(out, 'SegmentationClassUnrefined/f.png'));
    expect(await generate(out)).toMatchObject({ remade: ids, counts: { written: 6, resumed: 0 } });
    expect(await results(out)).toEqual(wanted);
  });

  it('looks at the files of earlier versions, whose journals hold no checksums', async () => {
    const out = await damaged();
    const journal = await readFile(join(out, 'journal'), 'utf8');
    const old = journal.replaceAll(/,"files":\{[^}]*\}/g, '');
    expect(old.length).toBeLessThan(journal.length);
    await writeFile(join(out, 'journal'), old);
    expect(await generate(out)).toMatchObject({ remade: ['a', 'b', 'c', 'd'], counts: { written: 4, resumed: 2 } });
    expect(await results(out)).toEqual(wanted);
  });

  it('removes the temporary files of killed runs', async () => {
    const out = fresh();
    await cp(whole, out, { recursive: true });
    for (const place of ['SegmentationClass/a.png', 'cams/a.npz', 'SegmentationClassUnrefined/a.png', 'ImageSets/Segmentation/train.txt', 'run.json']) {
      const path = join(out, `${place}.00000000-12-0123abcd.tmp`);
      await writeFile(path, 'half');
      await utimes(path, 1e9, 1e9);
    }
    await generate(out);
    expect(await names(out)).toEqual(await names(whole));
  });

  it('refuses a damaged journal and foreign seeds in one line, and begins anew if it is told to', async () => {
    const out = fresh();
    await cp(whole, out, { recursive: true });
    await writeFile(join(out, 'journal'), (await readFile(join(out, 'journal'), 'utf8')).split('\n').slice(1).join('\n'));
    expect(messageOf(await run(...generateArgs(out)))).toContain(`error: the journal ${join(out, 'journal')} is damaged: its first line, with the settings, is missing`);
    await rm(join(out, 'journal'));
    expect(messageOf(await run(...generateArgs(out)))).toContain('no journal in');
    expect(await generate(out, '--no-resume')).toMatchObject({ remade: [], counts: { written: 6, resumed: 0 } });
    expect(await results(out)).toEqual(wanted);
    const foreign = fresh();
    await mkdir(join(foreign, 'SegmentationClass'), { recursive: true });
    await writeFile(join(foreign, 'SegmentationClass/a.png'), 'mine');
    for (const flags of [[], ['--no-resume']]) expect(messageOf(await run(...generateArgs(foreign, ...flags)))).toContain('already contains files');
    expect(await names(foreign)).toEqual(['SegmentationClass', 'SegmentationClass/a.png']);
  });
});

describe('an ablation that goes on', () => {
  it('measures again what is damaged, and comes to the same', async () => {
    const out = fresh();
    expect((await run(...ablateArgs(out))).code).toBe(0);
    const [wanted, table] = [await results(out), await readFile(join(out, 'ablation.csv'), 'utf8')];
    const journal = await readFile(join(out, 'journal'), 'utf8');
    for (const old of [false, true]) {
      if (old) await writeFile(join(out, 'journal'), journal.replaceAll(/,"files":\{[^}]*\}/g, ''));
      await truncate(join(out, 'images/a.bin'));
      await truncate(join(out, 'images/b.bin'), (await stat(join(out, 'images/b.bin'))).size - 1);
      await rm(join(out, 'images/c.bin'));
      const { code, stderr } = await run(...ablateArgs(out));
      expect(code).toBe(0);
      expect(stderr).toContain('3 records of an earlier run were missing or damaged and are made again\n');
      expect(await results(out)).toEqual(wanted);
      expect(await readFile(join(out, 'ablation.csv'), 'utf8')).toBe(table);
    }
  });
});

interface Child {
  readonly process: ReturnType<typeof spawn>;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

function start(argv: readonly string[]): Child {
  const process = spawn('node', [join(repository, 'bin/voc-seeds.js'), ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  process.stdout.on('data', (data) => { stdout += String(data); });
  process.stderr.on('data', (data) => { stderr += String(data); });
  const ended = new Promise<Awaited<Child['ended']>>((resolve) => {
    process.on('close', (code) => { resolve({ code, stdout, stderr }); });
  });
  return { process, ended };
}

/** Waits until a run has recorded so many items. */
async function progress(out: string, items: number): Promise<void> {
  for (;;) {
    const lines = (await readFile(join(out, 'journal'), 'utf8').catch(() => '')).split('\n');
    if (lines.length > items + 1) return;
    await sleep(5);
  }
}

describe('a run whose folder goes away', () => {
  it.each([
    ['generate', generateArgs, ''], ['generate', generateArgs, 'SegmentationClass'], ['ablate', ablateArgs, ''], ['ablate', ablateArgs, 'images'],
  ] as const)('%s ends with an error: out/%#', async (_, args, part) => {
    const out = fresh();
    const { ended } = start(args(out, '--split', 'many'));
    await progress(out, 2);
    await rm(join(out, part), { recursive: true, maxRetries: 20, retryDelay: 1 });
    const { code, stdout, stderr } = await ended;
    expect(code, stderr).toBe(1);
    expect(stdout).toBe('');
    expect(stderr.split('\n').filter((line) => line.startsWith('error: '))).toEqual([
      expect.stringMatching(/^error: \S+ was removed or replaced during the run$/),
    ]);
    expect(stderr).not.toMatch(/^\s+at /m);
    // Nothing was made anew.
    expect(await stat(join(out, part)).catch(() => undefined)).toBeUndefined();
  });
});

describe('a run that is killed again and again', () => {
  it.each([['generate', generateArgs], ['ablate', ablateArgs]] as const)('%s ends as one that was not, with nothing left over', async (_, args) => {
    const [whole, out] = [fresh(), fresh()];
    expect((await start(args(whole, '--split', 'many')).ended).code).toBe(0);
    for (const items of [1, 13, 29, 44]) {
      const { process, ended } = start(args(out, '--split', 'many'));
      await progress(out, items);
      process.kill('SIGKILL');
      await ended;
    }
    const { code, stderr } = await start(args(out, '--split', 'many')).ended;
    expect(code, stderr).toBe(0);
    expect(await results(out)).toEqual(await results(whole));
    expect(await names(out)).toEqual(await names(whole));
  }, 120_000);
});

describe('a data set', () => {
  it('gets no report', async () => {
    const before = await names(devkit.root);
    expect(messageOf(await run('report', '--run', devkit.root))).toContain(`error: ${devkit.root} is a data set (it has a folder JPEGImages or Annotations), so no report is written into it`);
    expect(messageOf(await run('report', '--run', devkit.root, '--out', devkit.root))).toContain('is a data set');
    expect(messageOf(await run('report', '--run', devkit.root, '--out', join(devkit.root, 'x.html')))).toContain('is a data set');
    const bare = fresh();
    await cp(join(devkit.root, 'SegmentationClass'), join(bare, 'SegmentationClass'), { recursive: true });
    const stderr = messageOf(await run('report', '--run', bare));
    expect(stderr).toContain(`error: ${bare} was not written by voc-seeds generate (it has neither a run.json nor a journal), so no report is written into it`);
    expect(stderr).toContain('choose another folder, for instance --out report');
    expect(await names(devkit.root)).toEqual(before);
    const place = fresh();
    expect((await run('report', '--run', devkit.root, '--out', place, '--max-images', '1')).code).toBe(0);
    expect(await names(place)).toContain('index.html');
  });

  it('gets no results over its masks, whatever its name', async () => {
    const mask = await readFile(join(devkit.root, 'SegmentationClass/a.png'));
    const before = await names(devkit.root);
    const link = join(folder, 'link');
    await symlink(devkit.root, link);
    const other = fresh();
    await mkdir(other);
    await symlink(join(devkit.root, 'SegmentationClass'), join(other, 'SegmentationClass'));
    for (const flags of [[], ['--no-resume']]) {
      for (const out of [devkit.root, link, `${other}/../${devkit.root.slice(folder.length + 1)}`, other]) {
        expect(messageOf(await run(...generateArgs(out, ...flags)))).toMatch(/is an input of this run and would be overwritten|is a data set/);
      }
      expect(messageOf(await run(...ablateArgs(devkit.root, ...flags)))).toContain('would be overwritten');
    }
    // Seeds as the masks of the next run: not into the same folder.
    const own = fresh();
    await generate(own);
    expect(messageOf(await run(...generateArgs(own, '--mask-dir', join(own, 'SegmentationClass'), '--labels', 'masks')))).toContain('would be overwritten');
    // The list that the last run has written.
    const [list, kept] = [join(own, 'ImageSets/Segmentation/train.txt'), await readFile(join(own, 'ImageSets/Segmentation/train.txt'), 'utf8')];
    expect(messageOf(await run(...generateArgs(own, '--split', list)))).toContain(`${list} is an input of this run`);
    expect(await readFile(list, 'utf8')).toBe(kept);
    expect(await names(devkit.root)).toEqual(before);
    expect((await readFile(join(devkit.root, 'SegmentationClass/a.png'))).equals(mask)).toBe(true);
  });

  it('is not written over by labels, eval and train', async () => {
    const from = ['--voc-root', devkit.root, '--split', 'train'];
    const list = join(devkit.root, 'ImageSets/Segmentation/train.txt');
    const before = await readFile(list, 'utf8');
    for (const file of [list, join(devkit.root, 'Annotations/a.xml'), join(devkit.root, 'SegmentationClass/a.png')]) {
      expect(messageOf(await run('labels', ...from, '--labels', 'xml', '--out', file))).toMatch(/would be overwritten/);
      expect(messageOf(await run('train', ...from, '--labels', 'xml', '--backbone', devkit.model, '--out', file))).toMatch(/would be overwritten/);
      if (!file.endsWith('.xml')) {
        expect(messageOf(await run('eval', ...from, '--pred', join(devkit.root, 'SegmentationClass'), '--csv', file))).toMatch(/would be overwritten/);
      }
    }
    expect(messageOf(await run('train', ...from, '--labels', 'xml', '--backbone', devkit.model, '--out', devkit.model))).toContain('would be overwritten');
    expect(await readFile(list, 'utf8')).toBe(before);
  });
});

describe('--strict', () => {
  beforeAll(() => writeSplit(devkit.root, 'holes', ['a', 'gone', 'b', 'lost']));
  const line = /2 of the 4 photographs of the split were on disk; 2 are missing(?: \(run\.json lists them\))?\n$/;

  it.each([
    ['generate', () => generateArgs(fresh(), '--split', 'holes')],
    ['ablate', () => ablateArgs(fresh(), '--split', 'holes')],
  ])('makes missing photographs an error of %s, and nothing else', async (_, args) => {
    const [plain, strict] = [await run(...args()), await run(...args(), '--strict')];
    expect([plain.code, strict.code]).toEqual([0, 2]);
    expect(plain.stderr).toMatch(line);
    expect(strict.stderr).toMatch(line);
  });

  it('does so for labels and eval', async () => {
    const from = ['--voc-root', devkit.root, '--split', 'holes'];
    const file = join(folder, 'labels.txt');
    await writeFile(file, 'a 12\ngone 3\nb 8\nlost 4\n');
    const labels = ['labels', ...from, '--labels', 'list', '--label-file', file];
    const [plain, strict] = [await run(...labels), await run(...labels, '--strict')];
    expect([plain.code, strict.code]).toEqual([0, 2]);
    expect(strict.stdout).toBe(plain.stdout);
    expect([plain.stderr, strict.stderr]).toEqual(['', expect.stringMatching(line)]);
    const scores = ['eval', ...from, '--pred', join(devkit.root, 'SegmentationClass')];
    expect([(await run(...scores)).code, (await run(...scores, '--strict')).code]).toEqual([0, 2]);
    const all = ['eval', '--voc-root', devkit.root, '--split', 'train', '--pred', join(devkit.root, 'SegmentationClass'), '--strict'];
    expect((await run(...all)).code).toBe(0);
  });
});
