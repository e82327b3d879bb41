/**
 * The mean average precision of a classifier file, as it is stored, on a list of labelled images.
 *
 *     npm run bench -- map CLASSIFIER [CLASSIFIER ...]
 *
 * Needs `../shared`: classifier_val.txt, the 700 images of dev_val.
 */
import { resolve } from 'node:path';
import { loadClassifier } from '../src/classifier/load.js';
import { toTensor } from '../src/image/normalise.js';
import { DEFAULT_MAX_PIXELS, readPhoto } from '../src/image/photo.js';
import { meanAveragePrecision } from '../src/metrics/average-precision.js';
import { serializeModel } from '../src/onnx/file/write.js';
import { ortRuntime } from '../src/runtime/ort/ort.js';
import { VOC_CLASSES } from '../src/datasets/classes/voc.js';
import { openDevkit } from '../src/datasets/devkit.js';
import { createLabelSource } from '../src/datasets/labels/create.js';
import { readSplit } from '../src/datasets/splits.js';

const devkit = await openDevkit(resolve('../shared/voc/VOCdevkit/VOC2012'));
const list = resolve('../shared/voc/VOCdevkit/classifier_val.txt');
const { items } = await readSplit(devkit, list);
const source = await createLabelSource('list', { devkit, file: list });
const labels = await Promise.all(items.map(async (item) => (await source.labels(item)).map((label) => label - 1)));

for (const path of process.argv.slice(2)) {
  const { graph, spec } = await loadClassifier(path);
  const session = await ortRuntime.load(serializeModel(graph.model), { threads: 2 });
  const scores = new Float32Array(items.length * VOC_CLASSES.length);
  for (const [i, { imagePath }] of items.entries()) {
    const { pixels, size } = await readPhoto(imagePath, { input: { kind: 'short', pixels: 320 }, maxPixels: DEFAULT_MAX_PIXELS });
    const feeds = { [graph.input.name]: { type: 'float32' as const, dims: [1, 3, ...size], data: toTensor(pixels, size, spec) } };
    scores.set((await session.run(feeds, [graph.logits]))[graph.logits].data as Float32Array, i * VOC_CLASSES.length);
  }
  const { mean } = meanAveragePrecision(scores, labels, VOC_CLASSES.length);
  console.log(`${path}: mAP ${(100 * mean).toFixed(2)} % on ${items.length} images of classifier_val.txt, short side 320`);
  await session.release();
}
