/**
 * The mIoU of seeds over every threshold, for single layers and fusions of one classifier. The threshold is tuned on one
 * half of dev_train and dev_val and scored on the other, both ways; and it is tuned on dev_train and scored on dev_val,
 * beside the best threshold of dev_val itself, which has seen its masks.
 *
 *     npm run bench -- seeds CLASSIFIER [--limit N] [--short 320] [--layers SHALLOW,MIDDLE,DEEP]
 *
 * Image-level labels are the classes of the masks. Needs `../shared`.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_FUSION, FusedMaps } from '../src/maps/fusion.js';
import type { FusionOptions } from '../src/maps/fusion.js';
import { loadClassifier } from '../src/classifier/load.js';
import { scoreMatrix } from '../src/metrics/scores.js';
import { ThresholdSweep } from '../src/metrics/sweep.js';
import { ortRuntime } from '../src/runtime/ort/ort.js';
import { largestOfRow } from '../src/seeds/assign.js';
import { logitsOf } from '../src/pipeline/image-classes.js';
import { PhotoCam } from '../src/pipeline/photo-cam.js';
import { generateSchema } from '../src/settings/generate.js';
import { openDevkit } from '../src/datasets/devkit.js';
import { classesInMap } from '../src/datasets/labels/masks.js';
import { readTruth, truthName } from '../src/datasets/truth.js';
import { readSplit } from '../src/datasets/splits.js';
import type { DataItem } from '../src/datasets/splits.js';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { limit: { type: 'string' }, short: { type: 'string', default: '320' }, layers: { type: 'string', default: '/8,/16,/32' } } });
const [modelPath] = positionals;
if (modelPath === undefined) throw new Error('name a classifier');

const LAYERS = values.layers.split(',');
if (LAYERS.length !== 3) throw new Error('name three layers, shallow to deep');
const [shallow, middle, deep] = LAYERS;
/** Variants: which of the layers, and how they are fused. */
const VARIANTS: Record<string, { layers: number[]; fusion: Partial<FusionOptions> }> = {
  [`${deep} (deepest)`]: { layers: [2], fusion: {} },
  [middle]: { layers: [1], fusion: {} },
  [shallow]: { layers: [0], fusion: {} },
  [`max of ${middle}, ${deep}`]: { layers: [1, 2], fusion: {} },
  [`max of ${LAYERS.join(', ')}`]: { layers: [0, 1, 2], fusion: {} },
  [`mean of ${middle}, ${deep}`]: { layers: [1, 2], fusion: { fuse: 'mean' } },
  [`mean of ${LAYERS.join(', ')}`]: { layers: [0, 1, 2], fusion: { fuse: 'mean' } },
  [`mean of ${LAYERS.join(', ')}, none scaled`]: { layers: [0, 1, 2], fusion: { fuse: 'mean', scaleLayers: 'none' } },
};

const devkit = await openDevkit(resolve('../shared/voc/VOCdevkit/VOC2012'));
const classifier = await loadClassifier(modelPath);
const logitOf = logitsOf(classifier);
const cam = await PhotoCam.open(classifier, generateSchema.parse({ layers: LAYERS, inputSize: `short:${values.short}` }), ortRuntime, { threads: 2 });

/** The sweeps of a part of the images, by variant. */
type Sweeps = Record<string, ThresholdSweep>;
const emptySweeps = (): Sweeps => Object.fromEntries(Object.keys(VARIANTS).map((variant) => [variant, new ThresholdSweep(100)]));

/** A split in two parts: every second image. */
async function sweepSplit(name: string): Promise<[Sweeps, Sweeps]> {
  const halves: [Sweeps, Sweeps] = [emptySweeps(), emptySweeps()];
  const { items } = await readSplit(devkit, name);
  const chosen = items.slice(0, values.limit === undefined ? undefined : Number(values.limit));
  for (const [i, item] of chosen.entries()) await addItem(item, halves[i % 2]);
  return halves;
}

function together(parts: readonly ThresholdSweep[]): ThresholdSweep {
  const sum = new ThresholdSweep(parts[0].bins);
  for (const part of parts) sum.merge(part);
  return sum;
}

async function addItem({ imagePath, truth: mask }: DataItem, sweeps: Sweeps): Promise<void> {
  const truth = await readTruth(mask!);
  const labels = classesInMap(truth, truthName(mask!));
  const { views: [layers] } = await cam.layerMaps(imagePath, labels.map((label) => logitOf.get(label)!));
  const { width, height } = truth;
  const [best, winner, label] = [new Float32Array(width), new Uint8Array(width), new Uint8Array(width)];
  for (const [variant, { layers: chosen, fusion }] of Object.entries(VARIANTS)) {
    const maps = new FusedMaps(chosen.map((i) => layers[i]), labels.length, [height, width], { ...DEFAULT_FUSION, ...fusion });
    for (let y = 0; y < height; y++) {
      largestOfRow(maps, y, best, winner);
      winner.forEach((k, x) => { label[x] = labels[k]; });
      sweeps[variant].add(truth.data.subarray(y * width, (y + 1) * width), best, label);
    }
  }
}

function miouAt(sweep: ThresholdSweep, step: number): number {
  return 100 * scoreMatrix(sweep.matrix(step), 'error').meanIou;
}

function bestStep(sweep: ThresholdSweep): number {
  const scores = Array.from({ length: sweep.bins }, (_, step) => miouAt(sweep, step));
  return scores.indexOf(Math.max(...scores));
}

/** Both halves, each scored at the threshold that is best for the other. */
function crossed(halves: readonly [ThresholdSweep, ThresholdSweep]): string {
  const steps = halves.map(bestStep);
  const matrix = halves[0].matrix(steps[1]);
  matrix.merge(halves[1].matrix(steps[0]));
  const thresholds = steps.map((step) => halves[0].threshold(step).toFixed(2)).reverse();
  return `${(100 * scoreMatrix(matrix, 'error').meanIou).toFixed(1)} at ${thresholds.join(' and ')}`;
}

const [train, val] = [await sweepSplit('dev_train'), await sweepSplit('dev_val')];
console.log(`${modelPath}, short side ${values.short}; mIoU over 21 classes in %, labels from the masks\n`);
console.log('| maps | dev_train and dev_val, thresholds fixed on one half, scored on the other | dev_val, threshold fixed on dev_train | dev_val, best threshold (saw its masks) |');
console.log('|---|---:|---:|---:|');
for (const name of Object.keys(VARIANTS)) {
  const halves = [0, 1].map((i) => together([train[i][name], val[i][name]])) as [ThresholdSweep, ThresholdSweep];
  const [ofTrain, ofVal] = [train, val].map((parts) => together(parts.map((sweeps) => sweeps[name])));
  const cell = (step: number): string => `${miouAt(ofVal, step).toFixed(1)} at ${ofVal.threshold(step).toFixed(2)}`;
  console.log(`| ${name} | ${crossed(halves)} | ${cell(bestStep(ofTrain))} | ${cell(bestStep(ofVal))} |`);
}
