import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClassSet } from '../../src/datasets/classes/class-set.js';
import { readMask, writeMask } from '../../src/datasets/masks.js';
import { parsePng } from '../../src/formats/png/png.js';
import { makeDevkit } from '../pipeline/tiny.js';
import type { TinyDevkit } from '../pipeline/tiny.js';
import { uniform } from '../random.js';
import { messageOf, run } from './terminal.js';

// Two hundred made-up classes, from labels to scores.
const names = Array.from({ length: 200 }, (_, i) => `species ${String.fromCharCode(97 + i % 26)}${i}`);
const set = new ClassSet({ name: 'species', classes: names });
const images: Record<string, [number, number, number[]]> = {
  a: [90, 70, [1, 200]], b: [64, 101, [21]], c: [80, 80, [22, 150, 199]], none: [40, 30, []], d: [33, 60, [77]],
};
const ids = Object.keys(images);

let devkit: TinyDevkit;
let common: string[];
beforeAll(async () => {
  const named = Object.entries(images).map(([id, [width, height, labels]]) => (
    [id, [width, height, labels.map((label) => set.nameOf(label))]] as const));
  devkit = await makeDevkit(Object.fromEntries(named), { classes: names });
  const { root } = devkit;
  await mkdir(join(root, 'SegmentationClass'));
  const random = uniform(3);
  for (const [id, [width, height, labels]] of Object.entries(images)) {
    const data = Uint8Array.from({ length: width * height }, (_, i) => {
      if (random() < 0.05) return 255;
      const part = Math.floor((i % width) / width * (labels.length + 1));
      return part === 0 ? 0 : labels[part - 1];
    });
    await writeMask(join(root, 'SegmentationClass', `${id}.png`), { width, height, data }, 'palette', set);
  }
  await writeFile(join(devkit.folder, 'species.yaml'), `classes:\n${names.map((name) => `  - ${name}\n`).join('')}`);
  common = ['--class-set', join(devkit.folder, 'species.yaml'), '--voc-root', root, '--split', 'train'];
});
afterAll(() => rm(devkit.folder, { recursive: true }));

const seedsOf = (out: string) => join(devkit.folder, out, 'SegmentationClass');

/** Mean IoU over the labels that are true or predicted, by sets of pixels; pixels that are 255 in the truth do not count. */
async function meanIouOf(folder: string): Promise<number> {
  const counts = new Map<number, { both: number; either: number }>();
  for (const id of ids) {
    const truth = (await readMask(join(devkit.root, 'SegmentationClass', `${id}.png`), { classes: set })).data;
    const seeds = (await readMask(join(folder, `${id}.png`), { classes: set })).data;
    truth.forEach((label, i) => {
      if (label === 255) return;
      for (const one of new Set([label, seeds[i]])) {
        const count = counts.get(one) ?? { both: 0, either: 0 };
        count.either++;
        if (label === seeds[i]) count.both++;
        counts.set(one, count);
      }
    });
  }
  const all = [...counts.values()].map(({ both, either }) => both / either);
  return all.reduce((sum, iou) => sum + iou, 0) / all.length;
}

interface Scored {
  scores: { error: { meanIou: number; classes: { class: string; label: number }[] } };
  confusion: number[][];
  classSet: { name: string };
}

interface Ablated {
  variants: { name: string; miou: number; settings: { classThresholds?: Record<string, number> }; perClass: Record<string, number | null> }[];
}

describe('a set of 200 classes', () => {
  it('gives seeds, with the classes in run.json', async () => {
    const out = join(devkit.folder, 'seeds');
    const { code, stderr } = await run('generate', ...common, '--labels', 'xml', '--model', devkit.model, '--input-size', 'short:64', '--threshold', '0.3', '--save-cams', '--out', out);
    expect(stderr).not.toContain('VOC class');
    expect(code).toBe(0);
    const record = JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as { classSet: { name: string; classes: string[] }; settings: { classSet: object } };
    expect(record.classSet).toEqual({ name: 'species', classes: names });
    expect(record.settings.classSet).toEqual(record.classSet);
    for (const [id, [width, height, labels]] of Object.entries(images)) {
      const mask = await readMask(join(seedsOf('seeds'), `${id}.png`), { classes: set });
      expect([mask.width, mask.height]).toEqual([width, height]);
      expect([...new Set(mask.data)].filter((label) => label !== 0 && !labels.includes(label)), id).toEqual([]);
    }
    // VOC's rule for the label 200, 11001000 in binary: bit 3 is red's second place, bits 6 and 7 are the third of red and green.
    expect([...parsePng(await readFile(join(seedsOf('seeds'), 'a.png'))).palette!.subarray(600, 603)]).toEqual([0x40 | 0x20, 0x20, 0]);
  });

  it('are scored, in labels, maps and parts', async () => {
    const expected = await meanIouOf(seedsOf('seeds'));
    const scored = await run('eval', ...common, '--pred', seedsOf('seeds'), '--json', '--by-image');
    expect(scored.code).toBe(0);
    const json = JSON.parse(scored.stdout) as Scored;
    expect(json.scores.error.meanIou).toBeCloseTo(expected, 12);
    expect([json.confusion.length, json.confusion[0].length, json.classSet.name]).toEqual([201, 202, 'species']);
    expect(json.scores.error.classes[200]).toMatchObject({ class: names[199], label: 200 });
    // Without --class-set, the classes are those of the run.
    const own = await run('eval', '--gt', join(devkit.root, 'SegmentationClass'), '--pred', seedsOf('seeds'), '--json');
    expect((JSON.parse(own.stdout) as Scored).scores.error.meanIou).toBe(json.scores.error.meanIou);
    const parts = [];
    for (const shard of ['1/2', '2/2']) {
      const part = join(devkit.folder, `${shard[0]}.json`);
      await writeFile(part, (await run('eval', ...common, '--pred', seedsOf('seeds'), '--json', '--shard', shard)).stdout);
      parts.push(part);
    }
    const merged = await run('merge', ...parts, '--json');
    expect((JSON.parse(merged.stdout) as Scored).scores).toEqual(json.scores);
    // The maps, at the threshold of the seeds.
    const maps = await run('eval', ...common, '--maps', join(devkit.folder, 'seeds/cams'), '--threshold', '0.3', '--allow-missing', '--labels', 'xml', '--json');
    expect(maps.code).toBe(0);
    expect((JSON.parse(maps.stdout) as { maps: { keyBase: number; mismatches: string[] } }).maps).toMatchObject({ keyBase: 1, mismatches: [] });
  });

  it('are ablated, and their best thresholds per class give the score that was promised', async () => {
    const out = join(devkit.folder, 'ablation');
    const maps = ['--labels', 'xml', '--model', devkit.model, '--input-size', 'short:64', '--refine', 'none'];
    const { code, stdout } = await run('ablate', ...common, ...maps, '--background', 'constant,per-class', '--thresholds', '10', '--bootstrap', '50', '--out', out, '--json');
    expect(code).toBe(0);
    const { variants } = JSON.parse(stdout) as Ablated;
    expect(Object.keys(variants[0].perClass)).toEqual(['background', ...names]);
    const best = variants.find(({ name }) => name.includes('per-class'))!;
    expect(best.miou).toBeGreaterThanOrEqual(variants.find(({ name }) => !name.includes('per-class'))!.miou);
    const seeds = join(devkit.folder, 'tuned');
    const thresholds = Object.entries(best.settings.classThresholds!).map(([name, value]) => `${name}=${value}`).join(',');
    const tuned = ['--background', 'per-class', '--class-thresholds', thresholds];
    expect((await run('generate', ...common, ...maps, ...tuned, '--out', seeds)).code).toBe(0);
    expect(await meanIouOf(seedsOf('tuned'))).toBeCloseTo(best.miou, 12);
  });

  it('have a report with their names and colours', async () => {
    const page = join(devkit.folder, 'report.html');
    expect((await run('report', '--run', join(devkit.folder, 'seeds'), '--out', page)).code).toBe(0);
    const html = await readFile(page, 'utf8');
    const data = JSON.parse(/<script type="application\/json" id="report-data">(.*?)<\/script>/s.exec(html)![1]) as { classes: string[]; palette: number[][] };
    expect(data.classes).toEqual(['background', ...names]);
    expect(data.palette[200]).toEqual([...set.colourOf(200)]);
  });

  it('list their labels, by number and by name', async () => {
    const { stdout } = await run('labels', ...common, '--labels', 'xml', '--names');
    expect(stdout.split('\n')[0]).toBe(`a "${names[0]}" "${names[199]}"`);
    const list = join(devkit.folder, 'labels.txt');
    await writeFile(list, stdout);
    expect((await run('labels', ...common, '--labels', `list:${list}`)).stdout).toBe('a 1 200\nb 21\nc 22 150 199\nnone\nd 77\n');
  });
});

describe('classes that do not go together', () => {
  it('are refused with what is wrong and how to name others', async () => {
    const voc = ['generate', '--voc-root', devkit.root, '--split', 'train', '--labels', 'xml', '--model', devkit.model, '--out', join(devkit.folder, 'x')];
    expect(messageOf(await run(...voc))).toMatch(/none of the 200 classes of .* is a VOC class \(the first ones are species a0, .*For other classes, name them with --class-set/s);
    expect(messageOf(await run('generate', ...common, '--labels', 'xml', '--out', join(devkit.folder, 'x')))).toContain('is a class of species');
    expect(messageOf(await run(...voc, '--class-set', join(devkit.folder, 'species.yaml'), '--background', 'per-class', '--class-thresholds', 'specie a0=0.3')))
      .toContain('\'specie a0\' is not a class of species\ndid you mean species a0?');
  });
});
