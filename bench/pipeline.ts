/**
 * The whole way from photographs to VOC PNGs against the patchwork of packages that it is in Python: the same network, photographs,
 * labels, input size and kind of output, both with all processors, in turn in one run.
 *
 *     npm run bench -- pipeline --python python3 [--images 60] [--rounds 3] [--ways package,hooks,package+crf,hooks+crf]
 *
 * Ours: LayerCAM of three layers with one threshold, without refinement and with the random walk of the preset `fast`. Theirs
 * (bench/pipeline_torch.py): pytorch-grad-cam called for each class and layer, and hooks written with care in a process per processor,
 * each without and with the dense CRF of IRN's code. Starts do not count: ours is the time of a long list minus that of a short one.
 *
 * Needs `../shared`: dev_train, image-level labels from `cls_labels.npy`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { loadClassifier } from '../src/classifier/load.js';
import { openDevkit } from '../src/datasets/devkit.js';
import { createLabelSource } from '../src/datasets/labels/create.js';
import { readMask } from '../src/datasets/masks.js';
import { readSplit } from '../src/datasets/splits.js';
import type { DataItem } from '../src/datasets/splits.js';
import { generateSeeds } from '../src/pipeline/generate.js';
import { logitsOf } from '../src/pipeline/image-classes.js';
import { SEED_FOLDER } from '../src/pipeline/seed-files.js';
import { generateSchema } from '../src/settings/generate.js';
import type { GenerateConfig } from '../src/settings/generate.js';
import { loadConfig } from '../src/settings/load.js';
import { inFolder } from './in-folder.js';
import { median } from './median.js';

const { values } = parseArgs({
  options: {
    python: { type: 'string' }, images: { type: 'string', default: '60' }, rounds: { type: 'string', default: '3' },
    ways: { type: 'string', default: 'package,hooks,package+crf,hooks+crf' },
  },
});
if (values.python === undefined) throw new Error('name a Python with torch, onnx, OpenCV, Pillow, grad-cam and pydensecrf2: --python python3');
const ways = values.ways.split(',');
const rounds = Number(values.rounds);
/** The photographs of the short list. */
const FEW = 6;
const SIDE = 320;

const devkit = await openDevkit(resolve('../shared/voc/VOCdevkit/VOC2012'));
const items = (await readSplit(devkit, 'dev_train')).items.slice(0, FEW + Number(values.images));
const labels = await createLabelSource('npy', { devkit, file: resolve('../shared/voc/cls_labels.npy') });
const classifier = await loadClassifier();
const layers = ['/8', '/16', '/32'];
const plain = generateSchema.parse({ layers, inputSize: `short:${SIDE}` });
const refined = await loadConfig(generateSchema, 'fast', {});

/** Milliseconds of a run of `generate`. */
async function run(settings: GenerateConfig, chosen: readonly DataItem[], out: string): Promise<number> {
  const start = performance.now();
  const { counts } = await generateSeeds({
    classifier, settings, items: chosen, missing: [], labels, split: 'bench', out, format: 'palette', saveCams: false, resume: false,
    workers: availableParallelism(), threads: 1,
  });
  if (counts.failed > 0) throw new Error(`${counts.failed} photographs failed`);
  return performance.now() - start;
}

/** Milliseconds of the long list's photographs that are not in the short one. */
const ours = async (settings: GenerateConfig, out: string): Promise<number> => (
  await run(settings, items, out) - await run(settings, items.slice(0, FEW), join(out, 'few')));

const logitOf = logitsOf(classifier);
const photographs = await Promise.all(items.slice(FEW).map(async (item) => {
  const own = await labels.labels(item);
  return { id: item.id, path: item.imagePath, labels: own, logits: own.map((label) => logitOf.get(label)!) };
}));
const { channelOrder, scale, mean, std } = classifier.spec;
const spec = {
  layers: classifier.graph.resolveLayers(layers).map(({ name }) => name), side: SIDE, gamma: plain.gamma, threshold: plain.threshold,
  channelOrder, scale, mean, std,
};

await inFolder(async (folder) => {
  const peer = spawn(values.python!, [resolve('bench/pipeline_torch.py'), classifier.path, JSON.stringify(spec)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
  const theirs = async (way: string, some: typeof photographs): Promise<number> => {
    const out = join(folder, way);
    await mkdir(out, { recursive: true });
    peer.stdin.write(`${JSON.stringify({ way: way.split('+')[0], crf: way.endsWith('+crf'), out, photographs: some })}\n`);
    const { value } = await answers.next();
    if (value === undefined) throw new Error('the Python side has ended');
    return (JSON.parse(value as string) as { ms: number }).ms;
  };
  await answers.next();
  // Nothing that is measured is the first of its kind.
  await run(plain, items.slice(0, FEW), join(folder, 'warm'));
  for (const way of ways) await theirs(way, photographs.slice(0, 4));
  const times = new Map<string, number[]>();
  const note = (name: string, ms: number): void => { times.set(name, [...times.get(name) ?? [], ms / photographs.length]); };
  for (let round = 1; round <= rounds; round++) {
    note('ours', await ours(plain, join(folder, 'plain')));
    note('ours, refined', await ours(refined, join(folder, 'refined')));
    for (const way of ways) note(way, await theirs(way, photographs));
    console.error(`round ${round}: ${[...times].map(([name, all]) => `${name} ${all.at(-1)!.toFixed(0)}`).join(', ')} ms per photograph`);
  }
  console.log(`${photographs.length} photographs, ${availableParallelism()} processors, medians of ${rounds} rounds; in brackets the ratio of each round\n`);
  console.log('| | ms per photograph | to ours | to ours, refined |\n|---|---:|---:|---:|');
  for (const [name, all] of times) {
    const ratios = ['ours', 'ours, refined'].map((base) => {
      const each = all.map((ms, i) => ms / times.get(base)![i]);
      return `${median(each).toFixed(1)} (${each.map((ratio) => ratio.toFixed(1)).join(', ')})`;
    });
    console.log(`| ${name} | ${median(all).toFixed(1)} | ${ratios.join(' | ')} |`);
  }
  for (const way of ways.filter((name) => !name.endsWith('+crf'))) {
    let [equal, all] = [0, 0];
    for (const { id } of photographs) {
      const [a, b] = await Promise.all([join(folder, 'plain', SEED_FOLDER), join(folder, way)].map((place) => readMask(join(place, `${id}.png`))));
      a.data.forEach((label, i) => { if (label === b.data[i]) equal++; });
      all += a.data.length;
    }
    console.log(`\n${way}: ${(100 * equal / all).toFixed(2)} % of the pixels have our label`);
  }
  peer.stdin.end();
  await once(peer, 'exit');
});
