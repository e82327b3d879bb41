import { spawnSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadClassifier } from '../../src/classifier/load.js';
import { seedSettings } from '../../src/settings/cam.js';
import type { SeedSettings } from '../../src/settings/cam.js';
import { evaluatePairs } from '../../src/metrics/evaluate.js';
import { generateSeeds } from '../../src/pipeline/generate.js';
import { openDevkit } from '../../src/datasets/devkit.js';
import { xmlLabels } from '../../src/datasets/labels/xml.js';
import { writeMask } from '../../src/datasets/masks.js';
import { readSplit } from '../../src/datasets/splits.js';
import { annotation, makeDevkit, photograph, writeSplit, writeTinyClassifier } from '../pipeline/tiny.js';
import type { TinyDevkit } from '../pipeline/tiny.js';
import { uniform } from '../random.js';
import { messageOf, run } from './terminal.js';

const images: Record<string, [number, number, string[]]> = {
  wide: [120, 80, ['dog', 'person']],
  tall: [77, 141, ['tvmonitor']],
  many: [96, 96, ['aeroplane', 'cat', 'sheep', 'train']],
  small: [9, 33, ['bus']],
  none: [40, 30, []],
};

/** Blobs of the image's classes and of another one, and some void. */
async function makeMask(path: string, seed: number, width: number, height: number, labels: readonly number[]): Promise<void> {
  const random = uniform(seed);
  const blobs = [...labels, ...labels, 3].map((label) => (
    { label, x: random() * width, y: random() * height, r: (0.1 + 0.25 * random()) * Math.max(width, height) }
  ));
  const data = Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    if (random() < 0.03) return 255;
    return blobs.find((blob) => (x - blob.x) ** 2 + (y - blob.y) ** 2 < blob.r ** 2)?.label ?? 0;
  });
  await writeMask(path, { width, height, data }, 'palette');
}

const classes: Record<string, number[]> = { wide: [12, 15], tall: [20], many: [1, 8, 17, 19], small: [6], none: [] };

let devkit: TinyDevkit;
beforeAll(async () => {
  devkit = await makeDevkit(images);
  await mkdir(join(devkit.root, 'SegmentationClass'));
  let seed = 0;
  for (const [id, [width, height]] of Object.entries(images)) await makeMask(join(devkit.root, 'SegmentationClass', `${id}.png`), seed++, width, height, classes[id]);
  await writeSplit(devkit.root, 'first', ['wide', 'tall', 'none']);
  await writeSplit(devkit.root, 'second', ['many', 'small', 'tall']);
});
afterAll(() => rm(devkit.folder, { recursive: true }));

interface Ablation {
  images: { tune: number; score: number };
  sawMasks: boolean;
  baseline: string;
  variants: {
    name: string;
    settings: Partial<SeedSettings>;
    threshold: number | null;
    parameter: { name: string; value?: number };
    tuned: number;
    miou: number;
    low?: number;
    high?: number;
    difference: { value: number; low?: number; high?: number; real?: boolean };
    perClass: Record<string, number | null>;
    curve: { value: number; tuned: number; miou: number }[];
  }[];
  run: { counts: Record<string, number>; failures: { id: string; reason: string }[]; maskless: string[] };
}

/** What ablate has written. */
async function ablationIn(out: string): Promise<Ablation & { run: { ignoredAs: 'error' | 'background' | 'excluded' } }> {
  return JSON.parse(await readFile(join(devkit.folder, out, 'ablation.json'), 'utf8')) as Ablation & { run: { ignoredAs: 'error' } };
}

/** The words of the two commands that ablate prints, as a shell reads them. */
function wordsOf(stderr: string): string[][] {
  return ['The best variant\'s seeds: ', 'Their score: '].map((start) => {
    const command = stderr.split('\n').find((line) => line.startsWith(start))!.slice(start.length);
    const { stdout } = spawnSync('sh', ['-c', `for word in ${command}; do printf '%s\\0' "$word"; done`], { encoding: 'utf8' });
    const [program, ...words] = stdout.split('\0').slice(0, -1);
    expect(program).toBe('voc-seeds');
    return words;
  });
}

/** Runs the commands that ablate has printed, with a folder in place of `seeds`: the mean IoU that eval gives. */
async function scoreOfPrinted(stderr: string, name: string, ignoredAs: 'error' | 'background' | 'excluded' = 'error'): Promise<number> {
  const [generate, score] = wordsOf(stderr).map((words) => words.map((word) => word.replace(/^seeds(?=$|\/)/, join(devkit.folder, `${name}-seeds`))));
  const made = await run(...generate);
  expect(made.code, made.stderr).toBe(0);
  expect(made.stderr).not.toContain('has no effect');
  const scored = await run(...score, '--json');
  expect(scored.code, scored.stderr).toBe(0);
  return (JSON.parse(scored.stdout) as { scores: Record<string, { meanIou: number }> }).scores[ignoredAs].meanIou;
}

const common = (out: string, ...flags: string[]): string[] => [
  'ablate', '--voc-root', devkit.root, '--model', devkit.model, '--labels', 'xml', '--out', join(devkit.folder, out), '--input-size', 'short:96', '--workers', '1', '--config', 'paper', ...flags,
];

async function ablate(out: string, ...flags: string[]): Promise<Ablation> {
  const { code, stdout, stderr } = await run(...common(out, '--json', ...flags));
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Ablation;
}

/** The mean IoU, and that of each class, of the seeds that `generate` makes with a variant's settings. */
async function generated(name: string, split: string, settings: Partial<SeedSettings>, saveCams = false): Promise<{ miou: number; iou: number[] }> {
  const out = join(devkit.folder, `generated-${name.replaceAll(/\W+/g, '-')}`);
  const opened = await openDevkit(devkit.root);
  const { items } = await readSplit(opened, split);
  const known = Object.fromEntries(Object.entries(settings).filter(([setting]) => setting in seedSettings));
  const { counts } = await generateSeeds({
    classifier: await loadClassifier(devkit.model), settings: z.object(seedSettings).parse({ ...known, inputSize: 'short:96' }),
    items, missing: [], labels: await xmlLabels({ devkit: opened }), split, out, format: 'palette', saveCams, resume: false, workers: 1,
  });
  expect(counts.failed).toBe(0);
  const { scores } = await evaluatePairs(items.map(({ id, truth }) => ({ id, truth: truth!, predictionPath: join(out, 'SegmentationClass', `${id}.png`) })));
  return { miou: scores.error.meanIou, iou: scores.error.labels.map(({ iou }) => iou) };
}

describe('eval --maps', () => {
  it('scores the maps that generate saves as it scores the seeds', async () => {
    const { miou } = await generated('saved', 'train', { fuse: 'mean', threshold: 0.35 }, true);
    const argv = ['eval', '--voc-root', devkit.root, '--split', 'train', '--maps', join(devkit.folder, 'generated-saved/cams'), '--threshold', '0.35', '--json'];
    const { code, stdout, stderr } = await run(...argv, '--labels', 'xml');
    expect(code, stderr).toBe(0);
    interface Scored { maps: { keyBase: number; mismatches: string[] }; images: { missingMaps: string[] }; scores: { error: { meanIou: number } } }
    const result = JSON.parse(stdout) as Scored;
    expect(result.maps).toMatchObject({ keyBase: 1, mismatches: [] });
    // An image without classes has no maps; all of it is background in the seeds.
    expect(result.images.missingMaps).toEqual([]);
    expect(result.scores.error.meanIou).toBe(miou);
    // Without labels, its maps are missing.
    const unlabelled = JSON.parse((await run(...argv, '--keys', '1', '--allow-missing')).stdout) as Scored;
    expect(unlabelled.images.missingMaps).toEqual(['none']);
    const opened = await openDevkit(devkit.root);
    const pairs = (await readSplit(opened, 'train')).items.filter(({ id }) => id !== 'none')
      .map(({ id, truth }) => ({ id, truth: truth!, predictionPath: join(devkit.folder, 'generated-saved/SegmentationClass', `${id}.png`) }));
    expect(unlabelled.scores.error.meanIou).toBe((await evaluatePairs(pairs)).scores.error.meanIou);
    expect(miou).toBeGreaterThan(0);
  });
});

describe('ablate', () => {
  it.each([
    ['layers and fusion', ['--layers', '/16,/32', '--layers', '/8,/16,/32', '--gamma', '1.5,3', '--fuse', 'max,mean', '--scale-layers', 'shallow,all']],
    ['methods', ['--layers', '/32', '--layers', '/8,/32@grad-cam', '--method', 'layer-cam,grad-cam++', '--map-norm', 'max,none', '--layer-norm', 'max,none']],
    ['views', ['--layers', '/16,/32', '--scales', '1', '--scales', '0.75,1,1.5', '--flip', 'on,off', '--fuse-first', 'layers,scales', '--scale-norm', 'none']],
    ['policies', ['--background', 'constant,power,percentile,otsu', '--conflict', 'argmax,ignore,smaller-first', '--conflict-margin', '0.2']],
    ['colours', ['--refine', 'none', '--refine', 'pamr:iterations=2', '--edge-upsample', 'none', '--edge-upsample', 'guided', '--background', 'constant,power']],
    ['thresholds per class', ['--background', 'constant,per-class', '--fuse', 'mean']],
  ])('scores what generate and eval score: %s', async (name, flags) => {
    const out = `equal-${name.replaceAll(' ', '-')}`;
    const { variants, images: counts } = await ablate(out, '--split', 'train', '--bootstrap', '0', ...flags);
    expect(counts).toEqual({ tune: 5, score: 5 });
    expect(variants.length).toBeGreaterThanOrEqual(2);
    // Three of them: the workers of `generate` take longer to start than to work.
    const every = Math.ceil(variants.length / 3);
    for (const { name: variant, settings, miou, perClass } of variants.filter((_, i) => i % every === 0)) {
      const expected = await generated(`${out}-${variant}`, 'train', settings);
      expect(miou, variant).toBe(expected.miou);
      expect(Object.values(perClass).map((iou) => iou ?? NaN), variant).toEqual(expected.iou);
    }
    // The comparison means nothing if settings have no effect.
    expect(new Set(variants.map(({ miou }) => miou)).size).toBeGreaterThan(variants.length / 2);
  });

  it('scores every threshold of the sweep as generate would, and picks the best', async () => {
    const { variants: [{ curve, threshold, miou, settings }] } = await ablate('curve', '--split', 'train', '--thresholds', '3', '--bootstrap', '0');
    expect(curve.map(({ value }) => value)).toEqual([0, 1 / 3, 2 / 3]);
    for (const point of curve) expect(point.miou).toBe((await generated(`curve-${point.value}`, 'train', { ...settings, threshold: point.value })).miou);
    expect(miou).toBe(Math.max(...curve.map((point) => point.miou)));
    expect(threshold).toBe(curve.find((point) => point.miou === miou)!.value);
  });

  it('scores the same in batches', async () => {
    const flags = ['--split', 'train', '--bootstrap', '0', '--flip', '--fuse', 'mean,max'];
    const [alone, together] = [await ablate('batch-1', ...flags, '--batch', '1'), await ablate('batch-4', ...flags, '--batch', '4')];
    expect(together.variants).toEqual(alone.variants);
  });

  it('chooses on one list and scores on another', async () => {
    const result = await ablate('two-lists', '--tune-on', 'first', '--score-on', 'second', '--fuse', 'mean,max', '--bootstrap', '50');
    expect(result.sawMasks).toBe(false);
    expect(result.images).toEqual({ tune: 3, score: 3 });
    // Five distinct images, one of them in both lists.
    expect(result.run.counts).toMatchObject({ measured: 5, resumed: 0, failed: 0 });
    for (const { name, settings, tuned, miou, curve, threshold } of result.variants) {
      expect(tuned).toBe((await generated(`tune-${name}`, 'first', settings)).miou);
      expect(miou).toBe((await generated(`score-${name}`, 'second', settings)).miou);
      expect(tuned).toBe(Math.max(...curve.map((point) => point.tuned)));
      expect(curve.find(({ value }) => value === threshold)!.miou).toBe(miou);
    }
    const [first] = result.variants;
    expect(first.low! <= first.miou && first.miou <= first.high!).toBe(true);
    const other = result.variants.find(({ name }) => name !== result.baseline)!;
    const baseline = result.variants.find(({ name }) => name === result.baseline)!;
    expect(other.difference.value).toBe(other.miou - baseline.miou);
    expect(other.difference.real).toBe(other.difference.low! > 0 || other.difference.high! < 0);
    expect(baseline.difference).toEqual({ value: 0, low: 0, high: 0, real: false });
  });

  it('resumes: images that are done are not done again, and settings do not mix', async () => {
    const flags = ['--split', 'train', '--gamma', '1,2'];
    const before = await ablate('resume', ...flags);
    const record = join(devkit.folder, 'resume/images/tall.bin');
    const written = (await stat(record)).mtimeMs;
    await rm(join(devkit.folder, 'resume/images/wide.bin'));
    const again = await ablate('resume', ...flags);
    expect(again.run.counts).toMatchObject({ measured: 1, resumed: 4 });
    expect((await stat(record)).mtimeMs).toBe(written);
    expect(again.variants).toEqual(before.variants);
    // Another list and another baseline need no other records; another threshold does.
    expect((await ablate('resume', ...flags.with(1, 'second'), '--baseline', 'best')).run.counts).toMatchObject({ measured: 0, resumed: 3 });
    expect(messageOf(await run(...common('resume', '--split', 'train', '--gamma', '1,3')))).toContain('contains results with other settings');
    expect((await ablate('resume', ...flags, '--no-resume', '--thresholds', '30')).run.counts).toMatchObject({ measured: 5, resumed: 0 });
  });

  it('reports images that fail or have no mask, and scores the others', async () => {
    const root = join(devkit.folder, 'broken/VOC2012');
    await cp(devkit.root, root, { recursive: true });
    await rm(join(root, 'SegmentationClass/small.png'));
    await writeFile(join(root, 'JPEGImages/tall.jpg'), (await readFile(join(root, 'JPEGImages/tall.jpg'))).subarray(0, 600));
    await writeFile(join(root, 'JPEGImages/wide.jpg'), await photograph(0, 121, 80));
    await rm(join(root, 'JPEGImages/none.jpg'));
    await writeFile(join(root, 'JPEGImages/unlabelled.jpg'), await photograph(9, 50, 40));
    await makeMask(join(root, 'SegmentationClass/unlabelled.png'), 9, 50, 40, []);
    await writeSplit(root, 'train', [...Object.keys(images), 'unlabelled']);
    const flags = common('broken-out', '--split', 'train', '--json').with(2, root);
    const { code, stdout, stderr } = await run(...flags);
    expect(code).toBe(2);
    const result = JSON.parse(stdout) as Ablation;
    expect(result.images).toEqual({ tune: 1, score: 1 });
    expect(result.run.counts).toEqual({ measured: 1, resumed: 0, failed: 3, left: 0, missing: 1, maskless: 1 });
    expect(result.run.maskless).toEqual(['small']);
    const reasons = Object.fromEntries(result.run.failures.map(({ id, reason }) => [id, reason]));
    expect(Object.keys(reasons).sort()).toEqual(['tall', 'unlabelled', 'wide']);
    expect(reasons.wide).toContain('is 121 x 80 pixels, but its mask');
    expect(stderr).toContain('1 photographs have no mask and are left out: small');
    expect(stderr).toContain('3 images failed:');
    await writeFile(join(root, 'Annotations/unlabelled.xml'), annotation([]));
    await writeFile(join(root, 'JPEGImages/tall.jpg'), await readFile(join(devkit.root, 'JPEGImages/tall.jpg')));
    expect((JSON.parse((await run(...flags)).stdout) as Ablation).run.counts).toMatchObject({ measured: 2, resumed: 1, failed: 1 });
  });

  it('reads the grid and named variants from a file, which flags override', async () => {
    const config = join(devkit.folder, 'ablate.yaml');
    await writeFile(config, [
      'layers: [/16, /32]', 'thresholds: 20', 'bootstrap: 0', 'grid:', '  gamma: [1, 2]', '  layers: [[/16], [/16, /32]]',
      'variants:', '  - { name: deepest, layers: [/32] }', '  - { name: all, layers: [/8, /16, /32], fuse: mean }',
    ].join('\n'));
    const plan = async (...flags: string[]): Promise<string[]> => {
      const { code, stdout, stderr } = await run(...common('plan', '--split', 'train', '--config', config, '--plan', ...flags));
      expect(code, stderr).toBe(0);
      return stdout.split('\n');
    };
    expect(await plan()).toEqual([
      '/16', '/16,/32 gamma 1 max', '/16,/32 gamma 2 max', 'deepest', 'all',
      '5 variants, 1 duplicate left out; thresholds 0 to 1 in 20 steps',
      expect.stringMatching(/^per image 1 view, 3 layers \(.*\), 1 method \(layer-cam\); combined in 5 ways$/), '',
    ]);
    expect((await plan('--gamma', '3')).slice(0, 3)).toEqual(['/16', '/16,/32 max', 'deepest']);
    expect((await plan('--fuse', 'max,mean', '--gamma', '4')).slice(0, 3)).toEqual(['/16', '/16,/32 max', '/16,/32 mean']);
    const { variants, baseline } = await ablate('from-file', '--split', 'train', '--config', config, '--baseline', 'deepest');
    expect(variants.length).toBe(5);
    expect(baseline).toBe('deepest');
  });

  it('starts from the preset fast if no configuration is named, as generate does', async () => {
    const flags = common('from-fast', '--split', 'train', '--plan');
    const { code, stderr } = await run(...flags.filter((word) => word !== '--config' && word !== 'paper'), '--scales', '1,1.5');
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('settings: preset fast, except --scales 1,1.5\n');
    expect((await run(...flags)).stderr).toContain('settings: preset paper\n');
  });

  it('writes JSON, CSV, a page and charts', async () => {
    const result = await ablate('files', '--split', 'train', '--fuse', 'max,mean', '--gamma', '1,2', '--bootstrap', '100');
    const folder = join(devkit.folder, 'files');
    expect((await readdir(folder)).sort()).toEqual(['ablation.csv', 'ablation.html', 'ablation.json', 'images', 'journal', 'plots']);
    expect((await readdir(join(folder, 'plots'))).sort()).toEqual(['classes.svg', 'differences.svg', 'threshold.svg', 'variants.svg']);
    expect(JSON.parse(await readFile(join(folder, 'ablation.json'), 'utf8'))).toEqual(result);
    const [header, ...lines] = (await readFile(join(folder, 'ablation.csv'), 'utf8')).trimEnd().split('\n').map((line) => line.split(','));
    expect(header.slice(0, 5)).toEqual(['variant', 'parameter', 'value', 'tuned', 'miou']);
    expect(lines.length).toBe(4);
    lines.forEach((cells, i) => {
      const { name, threshold, miou, low, perClass, settings } = result.variants[i];
      expect(cells[0]).toBe(name);
      expect(Number(cells[header.indexOf('value')])).toBe(threshold);
      expect(Number(cells[header.indexOf('miou')])).toBe(miou);
      expect(Number(cells[header.indexOf('low')])).toBe(low);
      expect(Number(cells[header.indexOf('iou_background')])).toBe(perClass.background);
      // A class that is nowhere has no number.
      expect(cells[header.indexOf('iou_sofa')]).toBe('');
      expect(cells[header.indexOf('layers')]).toBe('/8 /16 /32');
      expect(Number(cells[header.indexOf('gamma')])).toBe(settings.gamma);
    });
    // The best first.
    expect(result.variants.map(({ miou }) => miou)).toEqual(result.variants.map(({ miou }) => miou).sort((a, b) => b - a));
    const page = await readFile(join(folder, 'ablation.html'), 'utf8');
    expect(page.match(/<svg [^>]*role="img"/g)!.length).toBe(4);
    for (const { name, miou } of result.variants) {
      expect(page).toContain(name);
      expect(page).toContain((100 * miou).toFixed(2));
    }
    expect(page).toContain('they saw the masks');
  });

  it('prints a table, and how to make the best seeds', async () => {
    const { code, stdout, stderr } = await run(...common('table', '--split', 'train', '--fuse', 'max,mean', '--bootstrap', '20'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\| variant *\| threshold \| +mIoU \| +95 % \| difference \|/);
    expect(stdout).toContain('baseline');
    expect(stdout).toContain('Thresholds are the best ones for these 5 images: they saw the masks');
    expect(stderr).toMatch(/The best variant's seeds: voc-seeds generate --voc-root .* --split train .*--threshold 0\.\d+ .*--out seeds\n/);
    expect(stderr).toContain('settings: preset paper\n');
  });

  it.each<[string, string[], string?]>([
    ['a threshold, maximum of layers', ['--layers', '/8,/16,/32', '--gamma', '2']],
    ['one layer, which tanh does not scale', ['--layers', '/32']],
    ['power, refined', ['--background', 'power', '--refine', 'pamr:iterations=2:dilations=1-2', '--refine-norm', 'none']],
    ['percentile', ['--background', 'percentile', '--fuse', 'mean']],
    ['otsu', ['--background', 'otsu', '--layers', '/16@grad-cam,/32', '--method', 'hires-cam']],
    ['thresholds per class', ['--background', 'per-class', '--fuse', 'mean', '--scale-layers', 'all', '--gamma', '5']],
    ['ignored conflicts', ['--conflict', 'ignore', '--conflict-margin', '0.2', '--ignored-as', 'background']],
    ['mirror images and scales', ['--flip', 'on', '--scales', '1,1.5', '--scale-fuse', 'max', '--fuse-first', 'scales', '--align-corners']],
    ['edges, target and size', ['--edge-upsample', 'guided', '--target', 'softmax', '--map-norm', 'none', '--input-size', 'long:90', '--upsample', 'nearest']],
    ['what only a file says', [], 'method: score-cam\nscoreCamTopK: 4\nscoreCamBatch: 3\nmaxPixels: 3000\nthresholds: 7\ndifficult: false\nlayerNorm: none\n'],
  ])('prints a command that makes the seeds of the best variant: %s', async (name, flags, file) => {
    const out = `command-${name.replaceAll(/\W+/g, '-')}`;
    const config = join(devkit.folder, `${out}.yaml`);
    if (file !== undefined) await writeFile(config, file);
    const { code, stderr } = await run(...common(out, '--split', 'train', '--bootstrap', '0', ...flags, ...file === undefined ? [] : ['--config', config]));
    expect(code, stderr).toBe(0);
    const { variants: [best], run: { ignoredAs } } = await ablationIn(out);
    expect(await scoreOfPrinted(stderr, out, ignoredAs)).toBe(best.miou);
    expect(stderr).not.toContain('has no effect');
    // The settings in the file are a configuration of generate, which starts from no preset then.
    const saved = join(devkit.folder, `${out}.json`);
    await writeFile(saved, JSON.stringify(best.settings));
    const again = join(devkit.folder, `${out}-again`);
    const made = await run('generate', '--config', saved, '--voc-root', devkit.root, '--model', devkit.model, '--split', 'train', '--labels', 'xml', '--workers', '1', '--out', again);
    expect(made.code, made.stderr).toBe(0);
    for (const id of Object.keys(images)) {
      const of = (folder: string): Promise<Buffer> => readFile(join(folder, 'SegmentationClass', `${id}.png`));
      expect((await of(again)).equals(await of(join(devkit.folder, `${out}-seeds`))), id).toBe(true);
    }
  });

  it.each<[string, string[]]>([
    ['constant', ['--gamma', '1,3']],
    ['power', ['--background', 'power', '--refine', 'pamr:iterations=2:dilations=1-2', '--fuse', 'mean,max']],
    ['percentile', ['--background', 'percentile', '--layers', '/32@grad-cam']],
    ['otsu', ['--background', 'otsu', '--flip', 'on']],
    ['per-class', ['--background', 'constant,per-class', '--thresholds', '23']],
    ['ignore', ['--conflict', 'ignore', '--ignored-as', 'background', '--target', 'softmax']],
  ])('writes a settings file with which generate gets the tuned score: %s', async (name, flags) => {
    const file = join(devkit.folder, `tuned-${name}.yaml`);
    const { code, stderr } = await run(...common(`write-${name}`, '--tune-on', 'first', '--score-on', 'second', '--bootstrap', '0', ...flags, '--write-config', file));
    expect(code, stderr).toBe(0);
    const { variants, run: { ignoredAs } } = await ablationIn(`write-${name}`);
    const best = variants.reduce((a, b) => (b.tuned > a.tuned ? b : a));
    expect(stderr).toContain(`${file}: the settings of '${best.name}', tuned on first\n`);
    const text = await readFile(file, 'utf8');
    expect(text).toContain(`# Tuned on first, 3 images: mIoU ${(100 * best.tuned).toFixed(2)} %.\n# Scored on second, 3 images: mIoU ${(100 * best.miou).toFixed(2)} %.\n`);
    expect(text).toContain('saw the ground-truth masks');
    // The classifier is in the file.
    const out = join(devkit.folder, `tuned-${name}`);
    const made = await run('generate', '--config', file, '--voc-root', devkit.root, '--split', 'first', '--labels', 'xml', '--workers', '1', '--out', out);
    expect(made.code, made.stderr).toBe(0);
    const scored = await run('eval', '--voc-root', devkit.root, '--split', 'first', '--pred', join(out, 'SegmentationClass'), '--ignored-as', ignoredAs, '--json');
    expect((JSON.parse(scored.stdout) as { scores: Record<string, { meanIou: number }> }).scores[ignoredAs].meanIou).toBe(best.tuned);
    // Every setting that has an effect is there, in the words of --print-config.
    const printed = await run('generate', '--config', file, '--print-config', '--json');
    expect(JSON.parse(printed.stdout)).toMatchObject(best.settings);
  });

  it('writes the variant that is named, over settings files only', async () => {
    const file = join(devkit.folder, 'named.yaml');
    const flags = ['--split', 'train', '--bootstrap', '0', '--fuse', 'max,mean', '--write-config', file];
    const { code, stderr } = await run(...common('named', ...flags, '--write-variant', 'mean'));
    expect(code, stderr).toBe(0);
    const text = await readFile(file, 'utf8');
    expect(text).toContain('# Variant: mean. Tuned: 0.');
    expect(text).toContain('\nfuse: mean\n');
    expect(text).not.toContain('Scored on');
    // What has no effect is left out.
    expect(text).not.toMatch(/^(?:scoreCamTopK|alpha|percentile|classThresholds|conflictMargin|scaleNorm|rescue: 1)/m);
    expect((await run(...common('named', ...flags))).code).toBe(0);
    expect(await readFile(file, 'utf8')).toContain('# Tuned on train, 5 images: mIoU ');
    const refused = async (...more: string[]): Promise<string> => messageOf(await run(...common('named', ...more)));
    expect(await refused(...flags, '--write-variant', 'meen')).toContain('--write-variant: there is no variant \'meen\'\ndid you mean \'mean\'?');
    expect(await refused('--split', 'train', '--write-variant', 'mean')).toContain('--write-variant has no effect without --write-config');
    for (const [name, content] of [['notes.txt', 'what I have to do\n'], ['ablate.yaml', 'grid: { gamma: [1, 2] }\n'], ['data.bin', '\0\0']]) {
      const other = join(devkit.folder, name);
      await writeFile(other, content);
      expect(await refused('--split', 'train', '--write-config', other)).toContain(`--write-config ${other} exists and is not a settings file of generate`);
      expect(await readFile(other, 'utf8')).toBe(content);
    }
    expect(await refused('--split', 'train', '--write-config', devkit.model)).toContain('is an input of this command');
  });

  it('prints a command with every flag that says what is worked on, quoted for a shell', async () => {
    const folder = join(devkit.folder, 'a folder\'s "copy" $HOME, and more');
    await mkdir(folder);
    await cp(devkit.root, join(folder, 'VOC (2012)'), { recursive: true });
    const model = join(folder, 'tiny model.onnx');
    await writeTinyClassifier(model, { metadata: null });
    const labels = join(folder, 'labels of mine.txt');
    await writeFile(labels, Object.entries(classes).map(([id, [...list]]) => `${[id, ...list].join(' ')}\n`).join(''));
    const flags = [
      'ablate', '--voc-root', join(folder, 'VOC (2012)'), '--model', model, '--labels', `list:${labels}`, '--out', join(folder, 'ablation'), '--workers', '1', '--threads', '1',
      '--tune-on', 'second', '--score-on', 'train', '--bootstrap', '0', '--fuse', 'max,mean', '--input-size', 'fixed:64x96', '--ids', 'wide,tall,small', '--limit', '2',
      '--mask-dir', 'SegmentationClass', '--rgb-masks', 'voc', '--runtime', 'ort', '--device', 'cpu',
      '--logits', 'logits', '--preprocess', 'caffe', '--channel-order', 'rgb', '--scale', '0.5', '--mean', '1,2,3', '--std', '40', '--classes', 'voc',
    ];
    // Both lists hold them.
    await writeSplit(join(folder, 'VOC (2012)'), 'second', ['wide', 'tall', 'small']);
    const { code, stdout, stderr } = await run(...flags, '--json');
    expect(code, stderr).toBe(0);
    const { variants: [best], images: counts } = JSON.parse(stdout) as Ablation;
    expect(counts).toEqual({ tune: 2, score: 2 });
    expect(await scoreOfPrinted(stderr, 'quoted')).toBe(best.miou);
    const [printed, scored] = wordsOf(stderr);
    for (const flag of flags.filter((word) => word.startsWith('--') && !['--tune-on', '--score-on', '--bootstrap', '--out', '--fuse', '--rgb-masks'].includes(word))) expect(printed, flag).toContain(flag);
    expect(printed[printed.indexOf('--split') + 1]).toBe('train');
    // It reads the masks; generate does not, unless labels come from them.
    expect(scored.slice(scored.indexOf('--rgb-masks')).slice(0, 2)).toEqual(['--rgb-masks', 'palette']);
    expect((await readdir(join(devkit.folder, 'quoted-seeds/SegmentationClass'))).length).toBe(2);
  });

  it.each([
    [['--split', 'train', '--tune-on', 'first', '--score-on', 'second'], 'give either a split, or one to tune on'],
    [['--tune-on', 'first'], 'give both tuneOn and scoreOn, or neither'],
    [['--split', 'train', '--baseline', 'nobody'], 'there is no variant \'nobody\''],
    [['--split', 'train', '--method', 'magic'], 'is not known'],
    [['--split', 'train', '--refine', 'magic', '--refine', 'pamr'], 'there is no refiner "magic"'],
    [[], '--split is missing'],
  ])('says what is wrong with %j', async (flags, message) => {
    expect(messageOf(await run(...common('wrong', ...flags)))).toContain(message);
  });
});
