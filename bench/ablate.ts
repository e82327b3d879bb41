/**
 * What an ablation of 24 variants at 60 thresholds each costs, against `generate` with one variant that takes all their layers
 * and methods: same images, same workers, in turn, each with its start and its files.
 *
 *     npm run bench -- ablate [--rounds N] [--images N] [--workers N]
 *
 * Needs `../shared`: dev_val, image-level labels from the masks.
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { expandGrid } from '../src/variants/grid.js';
import { runPass } from '../src/ablate/run.js';
import { resolveVariants } from '../src/variants/variant.js';
import { planWork } from '../src/ablate/work.js';
import { loadClassifier } from '../src/classifier/load.js';
import { ablateSchema } from '../src/settings/ablate.js';
import { AXIS_NAMES } from '../src/settings/axes.js';
import type { VariantSettings } from '../src/settings/axes.js';
import { generateSchema } from '../src/settings/generate.js';
import { defaultModelPath } from '../src/package.js';
import { generateSeeds } from '../src/pipeline/generate.js';
import { openDevkit } from '../src/datasets/devkit.js';
import { createLabelSource } from '../src/datasets/labels/create.js';
import { readSplit } from '../src/datasets/splits.js';
import { inFolder } from './in-folder.js';
import { median } from './median.js';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' }, images: { type: 'string', default: '100' }, workers: { type: 'string' } } });
const workers = values.workers === undefined ? availableParallelism() : Number(values.workers);
const devkit = await openDevkit(resolve('../shared/voc/VOCdevkit/VOC2012'));
const items = (await readSplit(devkit, 'dev_val')).items.slice(0, Number(values.images));
const labels = await createLabelSource('masks', { devkit });
const classifier = await loadClassifier(defaultModelPath());

const settings = ablateSchema.parse({});
const base = Object.fromEntries(AXIS_NAMES.map((axis) => [axis, settings[axis]])) as VariantSettings;
const methods = ['layer-cam', 'grad-cam'] as const;
const { variants } = resolveVariants(classifier.graph, expandGrid(base, {
  layers: [['/16', '/32'], ['/8', '/16', '/32']], method: methods, gamma: [1, 2, 4], fuse: ['max', 'mean'],
}, []));
const work = planWork(variants, classifier.graph.layers.map(({ name }) => name));
const parameters = { thresholds: 60, alphas: settings.alphas, percentiles: settings.percentiles };
const union = generateSchema.parse({ layers: ['/8', '/16', '/32'].flatMap((layer) => methods.map((method) => `${layer}@${method}`)) });

/** Milliseconds of one worker per image. */
async function timed(run: (out: string) => Promise<unknown>): Promise<number> {
  return inFolder(async (out) => {
    const start = performance.now();
    await run(out);
    return ((performance.now() - start) * workers) / items.length;
  });
}

const single = (out: string): Promise<unknown> => generateSeeds({
  classifier, settings: union, items, missing: [], labels, split: 'bench', out, format: 'palette', saveCams: false, resume: true, workers, threads: 1,
});
let stages = {};
const ablation = async (out: string): Promise<void> => {
  ({ stages } = await runPass({ classifier, settings, work, parameters, items, labels, out, resume: true, workers, threads: 1 }));
};

console.log(`${variants.length} variants at ${parameters.thresholds} thresholds, ${items.length} images, ${workers} workers`);
const times: { single: number[]; ablation: number[] } = { single: [], ablation: [] };
for (let round = 1; round <= Number(values.rounds); round++) {
  times.single.push(await timed(single));
  times.ablation.push(await timed(ablation));
  const [one, all] = [times.single.at(-1)!, times.ablation.at(-1)!];
  console.log(`round ${round}: one variant ${one.toFixed(1)} ms per image, all ${all.toFixed(1)} ms, ratio ${(all / one).toFixed(2)}; stages of all: ${JSON.stringify(stages)}`);
}
const least = (numbers: readonly number[]): number => Math.min(...numbers);
console.log(`medians ${median(times.single).toFixed(1)} and ${median(times.ablation).toFixed(1)} ms, ratio ${(median(times.ablation) / median(times.single)).toFixed(2)}`);
console.log(`minima ${least(times.single).toFixed(1)} and ${least(times.ablation).toFixed(1)} ms, ratio ${(least(times.ablation) / least(times.single)).toFixed(2)}`);
