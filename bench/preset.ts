/**
 * What presets of `generate` cost: images per second with all processors; and of one image after the other in one thread, where nothing
 * overlaps, the share of each stage, and the processor time of all of them, which other programs on the machine disturb least.
 *
 *     npm run bench -- preset [fast best ...] [--images N] [--rounds N]
 *
 * Needs `../shared`: dev_val, image-level labels from `cls_labels.npy`.
 */
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadClassifier } from '../src/classifier/load.js';
import type { LoadedClassifier } from '../src/classifier/load.js';
import { withPrototypes } from '../src/classifier/prototype-file.js';
import { generateSchema } from '../src/settings/generate.js';
import type { GenerateConfig } from '../src/settings/generate.js';
import { loadConfig } from '../src/settings/load.js';
import { PRESETS } from '../src/settings/presets.js';
import { defaultModelPath } from '../src/package.js';
import { channelBlock } from '../src/runtime/blocked/channel-block.js';
import { ortRuntime } from '../src/runtime/ort/ort.js';
import { generateSeeds } from '../src/pipeline/generate.js';
import { imageClasses, logitsOf } from '../src/pipeline/image-classes.js';
import { startSeedPool } from '../src/pipeline/pool.js';
import { SEED_FOLDER } from '../src/pipeline/seed-files.js';
import { openDevkit } from '../src/datasets/devkit.js';
import { createLabelSource } from '../src/datasets/labels/create.js';
import { readSplit } from '../src/datasets/splits.js';
import { inFolder } from './in-folder.js';
import { median } from './median.js';

const { values, positionals } = parseArgs({
  allowPositionals: true, options: { images: { type: 'string', default: '60' }, rounds: { type: 'string', default: '2' } },
});
const devkit = await openDevkit(resolve('../shared/voc/VOCdevkit/VOC2012'));
const items = (await readSplit(devkit, 'dev_val')).items.slice(0, Number(values.images));
const labels = await createLabelSource('npy', { devkit, file: resolve('../shared/voc/cls_labels.npy') });
const bundled = await loadClassifier(defaultModelPath());
const workers = availableParallelism();
if (items.length < 10) throw new Error('at least 10 images are needed, some to warm up with');

/** Images per second, start included. */
async function rateOf(settings: GenerateConfig, classifier: LoadedClassifier): Promise<number> {
  const { imagesPerSecond } = await inFolder((out) => generateSeeds({
    classifier, settings, items, missing: [], labels, split: 'bench', out, format: 'palette', saveCams: false, resume: true, workers,
  }));
  return imagesPerSecond;
}

/** Images that do not count: the first ones find nothing compiled. */
const WARM_UP = 5;
const STAGES = ['read', 'cam', 'seeds', 'write'] as const;

/** Milliseconds of each stage and of processor time, the mean over the images, one after the other in one thread. */
async function stagesOf(settings: GenerateConfig, classifier: LoadedClassifier): Promise<Record<typeof STAGES[number] | 'processor', number>> {
  const pool = startSeedPool({
    classifier, settings, format: 'palette', runtime: { choice: { runtime: 'ort' } }, workers: 1, threads: 1, batch: 1, tasksPerWorker: 2,
    block: await channelBlock(ortRuntime),
  });
  const logitOf = logitsOf(classifier);
  const sums = { read: 0, cam: 0, seeds: 0, write: 0, processor: 0 };
  const counted = Math.round(items.length / 3);
  await inFolder(async (out) => {
    for (const [i, item] of items.slice(0, WARM_UP + counted).entries()) {
      const classes = await imageClasses(item, labels, logitOf);
      if ('reason' in classes) throw new Error(classes.reason);
      const before = process.cpuUsage();
      const result = await pool.run({ ...classes, channels: [], imagePath: item.imagePath, files: { [SEED_FOLDER]: join(out, `${item.id}.png`) } });
      if (result.status === 'failed') throw new Error(result.reason);
      if (i < WARM_UP) continue;
      const { user, system } = process.cpuUsage(before);
      sums.processor += (user + system) / 1000 / counted;
      for (const stage of STAGES) sums[stage] += result.times[stage] / counted;
    }
  });
  await pool.destroy();
  return sums;
}

console.log(`${items.length} images, ${workers} workers\n`);
console.log('| preset | images/s | ms in one thread | ms of processor time | decode, resize, normalise | CAM program | fuse, refine, assign | write |\n|---|---:|---:|---:|---:|---:|---:|---:|');
for (const preset of positionals.length > 0 ? positionals : PRESETS) {
  const settings = await loadConfig(generateSchema, preset, {});
  const classifier = await withPrototypes(bundled, settings.prototypes);
  const rates: number[] = [];
  for (let round = 0; round < Number(values.rounds); round++) rates.push(await rateOf(settings, classifier));
  const stages = await stagesOf(settings, classifier);
  const total = STAGES.reduce((sum, stage) => sum + stages[stage], 0);
  const shares = STAGES.map((stage) => `${((100 * stages[stage]) / total).toFixed(1)} %`);
  console.log(`| ${preset} | ${median(rates).toFixed(2)} | ${total.toFixed(0)} | ${stages.processor.toFixed(0)} | ${shares.join(' | ')} |`);
}
