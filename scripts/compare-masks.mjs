// Compares folders of label masks: mean IoU, and its difference to the first folder, with paired 95 % intervals of a bootstrap over the
// images.
//
//   npm run build && node scripts/compare-masks.mjs --gt MASKS [--list FILE] [--classes] NAME=FOLDER NAME=FOLDER ...
//
// Folders have masks <id>.png of VOC classes, or SegmentationClass/<id>.png. --list names the images; without it, those of the first
// folder are scored. All folders must have all of them. --classes adds the IoU of each class in the first and the last folder, and what
// part of the union is missing (predicted too little) or wrong (predicted too much).
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { VOC } from '../dist/datasets/classes/voc.js';
import { readMask } from '../dist/datasets/masks.js';
import { bootstrapMeanIou, differenceInterval, drawWithReplacement, percentileInterval } from '../dist/metrics/bootstrap.js';
import { ConfusionMatrix } from '../dist/metrics/confusion.js';
import { scoreMatrix } from '../dist/metrics/scores.js';
import { randomSequence } from '../dist/random.js';

const SEED = 0;
const RESAMPLES = 2000;

const { values: options, positionals } = parseArgs({ allowPositionals: true, options: {
  gt: { type: 'string' }, list: { type: 'string' }, classes: { type: 'boolean', default: false },
} });
if (options.gt === undefined || positionals.length === 0) throw new Error('usage: compare-masks.mjs --gt MASKS [--list FILE] [--classes] NAME=FOLDER ...');
const folders = positionals.map((text) => {
  const at = text.indexOf('=');
  const [name, folder] = at < 0 ? [basename(text), text] : [text.slice(0, at), text.slice(at + 1)];
  const inner = join(folder, 'SegmentationClass');
  return { name, folder: existsSync(inner) ? inner : folder };
});
const ids = options.list === undefined
  ? (await readdir(folders[0].folder)).filter((file) => file.endsWith('.png')).map((file) => file.slice(0, -4)).sort()
  : (await readFile(options.list, 'utf8')).split(/\s+/).filter((id) => id !== '');

/** For each folder the counts of all images, and those of each image as `bootstrapMeanIou` takes them. */
const results = folders.map(() => ({ sum: new ConfusionMatrix(), starts: [0], cells: [], counts: [] }));
for (const id of ids) {
  const truthFile = join(options.gt, `${id}.png`);
  const truth = await readMask(truthFile);
  for (const [i, { folder }] of folders.entries()) {
    const file = join(folder, `${id}.png`);
    const matrix = new ConfusionMatrix();
    matrix.add(truth, await readMask(file), { truth: truthFile, prediction: file });
    const { sum, starts, cells, counts } = results[i];
    sum.merge(matrix);
    matrix.counts.forEach((count, cell) => {
      if (count === 0) return;
      cells.push(cell);
      counts.push(count);
    });
    starts.push(cells.length);
  }
}

const sparse = results.map(({ starts, cells, counts }) => (
  { starts: Uint32Array.from(starts), cells: Uint16Array.from(cells), counts: Float64Array.from(counts) }));
const spread = bootstrapMeanIou(sparse, { resamples: RESAMPLES, draw: drawWithReplacement(randomSequence(SEED)) });
const scores = results.map(({ sum }) => scoreMatrix(sum, 'error'));
const points = (value) => (100 * value).toFixed(1);
const signed = (value) => `${value < 0 ? '-' : '+'}${points(Math.abs(value))}`;
console.log(`${ids.length} images; mIoU in %, 95 % intervals of ${RESAMPLES} resamples\n`);
console.log(`| | mIoU | 95 % | difference to ${folders[0].name} | 95 % |`);
console.log('|---|---:|---:|---:|---:|');
folders.forEach(({ name }, i) => {
  const own = percentileInterval(spread[i]);
  const { low, high } = differenceInterval(spread[i], spread[0]);
  const difference = i === 0 ? ['', ''] : [signed(scores[i].meanIou - scores[0].meanIou), `${signed(low)} .. ${signed(high)}`];
  console.log(`| ${name} | ${points(scores[i].meanIou)} | ${points(own.low)} .. ${points(own.high)} | ${difference.join(' | ')} |`);
});
if (options.classes) {
  const [first, last] = [scores[0], scores.at(-1)];
  console.log(`\n| | IoU ${folders[0].name} | IoU ${folders.at(-1).name} | missing | too much |`);
  console.log('|---|---:|---:|---:|---:|');
  last.labels.forEach(({ label, iou, underActivation, overActivation }) => {
    console.log(`| ${VOC.nameOf(label)} | ${points(first.labels[label].iou)} | ${points(iou)} | ${points(underActivation)} | ${points(overActivation)} |`);
  });
}
