/**
 * `generate` from photographs to written PNGs against its CAM programs alone (images decoded and normalised beforehand),
 * same images, same number of threads, in turn; and the resident memory after 200 and after 1,000 images.
 *
 *     npm run bench -- generate [--rounds N] [--images N] [--memory]
 *
 * Needs `../shared`: dev_all, image-level labels from `cls_labels.npy`.
 */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { loadClassifier } from '../src/classifier/load.js';
import { chooseLayers } from '../src/cam/layer-choice.js';
import { prepareCam } from '../src/cam/plan.js';
import { channelBlock } from '../src/runtime/blocked/channel-block.js';
import { ortRuntime } from '../src/runtime/ort/ort.js';
import { generateSchema } from '../src/settings/generate.js';
import { defaultModelPath } from '../src/package.js';
import { generateSeeds } from '../src/pipeline/generate.js';
import type { GenerateSummary } from '../src/pipeline/generate.js';
import { logitsOf } from '../src/pipeline/image-classes.js';
import { openDevkit } from '../src/datasets/devkit.js';
import { createLabelSource } from '../src/datasets/labels/create.js';
import { readSplit } from '../src/datasets/splits.js';
import type { DataItem } from '../src/datasets/splits.js';
import type { CamWorkerData } from './cam-worker.js';
import { inFolder } from './in-folder.js';
import { median } from './median.js';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' }, images: { type: 'string', default: '700' }, memory: { type: 'boolean' } } });
const devkit = await openDevkit(resolve('../shared/voc/VOCdevkit/VOC2012'));
const { items } = await readSplit(devkit, 'dev_all');
const labels = await createLabelSource('npy', { devkit, file: resolve('../shared/voc/cls_labels.npy') });
const classifier = await loadClassifier(defaultModelPath());
const settings = generateSchema.parse({});
const workers = availableParallelism();

async function generate(chosen: readonly DataItem[], onProgress?: (done: number) => void): Promise<GenerateSummary> {
  return inFolder((out) => generateSeeds({
    classifier, settings, items: chosen, missing: [], labels, split: 'bench', out, format: 'palette', saveCams: false, resume: true, workers, onProgress,
  }));
}

async function startCamWorkers(chosen: readonly DataItem[]): Promise<Worker[]> {
  const { requests } = chooseLayers(classifier.graph, settings.layers, settings.method);
  const plan = prepareCam(classifier.graph, requests, { ...settings, prototypes: undefined, block: await channelBlock(ortRuntime) });
  const logitOf = logitsOf(classifier);
  const images = await Promise.all(chosen.map(async (item) => {
    const classes = await labels.labels(item);
    return { path: item.imagePath, logits: classes.map((label) => logitOf.get(label)!) };
  }));
  return Promise.all(Array.from({ length: workers }, async (_, w) => {
    const own = images.filter((__, i) => i % workers === w);
    const data: CamWorkerData = { plan, normalisation: classifier.spec, images: own };
    const worker = new Worker(new URL('./cam-worker.js', import.meta.url), { workerData: data });
    await once(worker, 'message');
    return worker;
  }));
}

if (values.memory === true) {
  const resident: Record<number, number> = {};
  await generate(items.slice(0, 1000), (done) => {
    if (done % 100 === 0) resident[done] = process.memoryUsage().rss / 2 ** 20;
  });
  for (const [done, megabytes] of Object.entries(resident)) console.log(`after ${done} images: ${megabytes.toFixed(0)} MiB resident`);
  console.log(`1,000 images to 200 images: ${(resident[1000] / resident[200]).toFixed(3)}`);
} else {
  const chosen = items.slice(0, Number(values.images));
  const threads = await startCamWorkers(chosen);
  const rates: { cam: number[]; generate: number[] } = { cam: [], generate: [] };
  await generate(chosen.slice(0, 20));
  for (let round = 1; round <= Number(values.rounds); round++) {
    const start = performance.now();
    await Promise.all(threads.map(async (worker) => {
      worker.postMessage('run');
      await once(worker, 'message');
    }));
    const cam = chosen.length / ((performance.now() - start) / 1000);
    const { imagesPerSecond, stages } = await generate(chosen);
    rates.cam.push(cam);
    rates.generate.push(imagesPerSecond);
    console.log(`round ${round}: CAM programs alone ${cam.toFixed(1)} images/s, generate ${imagesPerSecond.toFixed(1)} images/s; ms per image: ${JSON.stringify(stages)}`);
  }
  console.log(`medians: ${median(rates.cam).toFixed(1)} and ${median(rates.generate).toFixed(1)} images/s, ratio ${(median(rates.generate) / median(rates.cam)).toFixed(2)}`);
  for (const worker of threads) await worker.terminate();
}
