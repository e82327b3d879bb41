/**
 * How many pairs of masks `eval` scores per second, with 1 thread and with more: the official masks of `../shared`
 * against themselves.
 *
 *     npm run bench -- eval
 */
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { evaluatePairs } from '../src/metrics/evaluate.js';
import { maskIdsIn } from '../src/metrics/pairs.js';

const folder = resolve('../shared/voc/VOCdevkit/VOC2012/SegmentationClass');
const pairs = (await maskIdsIn(folder)).map((id) => {
  const path = join(folder, `${id}.png`);
  return { id, truth: path, predictionPath: path };
});

for (const workers of new Set([1, availableParallelism()])) {
  for (const byImage of [false, true]) {
    const start = performance.now();
    const { scores, scored } = await evaluatePairs(pairs, { workers, byImage });
    const seconds = (performance.now() - start) / 1000;
    console.log(`${workers} thread(s)${byImage ? ', scores of each image' : ''}: ${scored} pairs in ${seconds.toFixed(2)} s, ${Math.round(scored / seconds)} pairs per second (mean IoU ${scores.error.meanIou})`);
  }
}
