// The localisation table of docs/localize.md: boxes of several CAM methods and networks, scored against true boxes.
//
//   node scripts/localisation/table.mjs --out FOLDER [--boxes FILE] [--images FOLDER] [--rows mean,maximum,...]
//     [--score-cam-top-k 64] [--workers 2] "NAME=FLAGS" ...
//
// Each network is a name and its flags of `voc-seeds localize`, for example
//   "GoogLeNet=--model ../shared/models/googlenet_imagenet.onnx --logits logits --preprocess caffe --classes ../shared/models/labels_1000.txt"
//
// --boxes takes what `localize --boxes` takes. Thresholds are chosen on the first half of its images and scored on the second. A second
// table has all images, each half with the thresholds of the other. Differences are to the first row; their 95 % intervals draw the same
// images for both. What is done is not done again by the next run.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readBoxes } from '../../dist/datasets/boxes/read.js';
import { scoredImage, scoreImages } from '../../dist/localize/image-scores.js';
import { readRecord } from '../../dist/localize/record.js';
import { differenceInterval, drawWithReplacement } from '../../dist/metrics/bootstrap.js';
import { bootstrapMeans, meanOf } from '../../dist/metrics/boxes/bootstrap-means.js';
import { randomSequence } from '../../dist/random.js';

const STEPS = 100;
const RESAMPLES = 10_000;
const SEED = 1;
/** The exit code of localize if some images failed. */
const FAILURES = 2;
const SCORES = { loc1: 'loc1', loc5: 'loc5', gtKnown: 'GT-known', boxAccuracyV2: 'BoxAccV2' };

const { values: options, positionals } = parseArgs({ allowPositionals: true, options: {
  'out': { type: 'string', default: 'out/localisation' },
  'boxes': { type: 'string', default: '../shared/ilsvrc/boxes.csv' },
  'images': { type: 'string', default: '../shared/ilsvrc/images' },
  'rows': { type: 'string' },
  'score-cam-top-k': { type: 'string', default: '64' },
  'workers': { type: 'string', default: '2' },
} });

const deepest = (method, ...more) => ['--layers', '/32', '--method', method, ...more];
const three = (layers, ...fusion) => ['--layers', layers, '--method', 'layer-cam', ...fusion];
const rows = Object.entries({
  'grad-cam': ['Grad-CAM, `/32`', deepest('grad-cam')],
  'cam': ['CAM, `/32`', deepest('cam')],
  'grad-cam++': ['Grad-CAM++, `/32`', deepest('grad-cam++')],
  'xgrad-cam': ['XGrad-CAM, `/32`', deepest('xgrad-cam')],
  'hires-cam': ['HiResCAM, `/32`', deepest('hires-cam')],
  'score-cam': [`Score-CAM, \`/32\`, ${options['score-cam-top-k']} channels`, deepest('score-cam', '--score-cam-top-k', options['score-cam-top-k'])],
  'eigen-cam': ['Eigen-CAM, `/32`', deepest('eigen-cam')],
  'layer-cam': ['LayerCAM, `/32`', deepest('layer-cam')],
  'maximum': ['LayerCAM, maximum of three (the paper)', three('/8,/16,/32', '--fuse', 'max', '--scale-layers', 'shallow', '--gamma', '2')],
  'mean': ['mean of three, Grad-CAM at `/32`', three('/8,/16,/32@grad-cam', '--fuse', 'mean', '--scale-layers', 'all', '--gamma', '3')],
}).filter(([key]) => options.rows === undefined || key === 'grad-cam' || options.rows.split(',').includes(key));

for (const path of [options.boxes, options.images]) {
  if (existsSync(path)) continue;
  console.log(`skipped: ${path} does not exist; name the true boxes and the photographs with --boxes and --images`);
  process.exit(0);
}
if (positionals.length === 0) {
  console.error('name at least one network: "NAME=FLAGS", with the flags of voc-seeds localize, for example "Mine=--model mine.onnx --logits logits"');
  process.exit(1);
}

const { images } = await readBoxes(options.boxes);
const withBoxes = images.filter(({ classes }) => classes.length > 0);
const middle = Math.ceil(withBoxes.length / 2);
const halves = [withBoxes.slice(0, middle), withBoxes.slice(middle)];
const lists = ['first.txt', 'second.txt'].map((name) => join(options.out, name));
await mkdir(options.out, { recursive: true });
for (const [i, half] of halves.entries()) await writeFile(lists[i], half.map(({ fileName }) => `${fileName}\n`).join(''));

const program = fileURLToPath(new URL('../../bin/voc-seeds.js', import.meta.url));

/** Runs one row of a network and returns the images of both halves; `undefined` for those that failed. */
async function measure(network, flags, key, own) {
  const out = join(options.out, network, key);
  const { status } = spawnSync(process.execPath, [
    program, 'localize', '--boxes', options.boxes, '--images', options.images, ...flags, '--config', 'paper', ...own, '--refine', 'none',
    '--input-size', 'fixed:224x224', '--top', '0', '--thresholds', String(STEPS), '--tune-on', lists[0], '--score-on', lists[1],
    '--workers', options.workers, '--threads', '1', '--out', out,
  ], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0 && status !== FAILURES) {
    console.error(`stopped: localize ended with exit code ${status} for ${network}, ${key}`);
    process.exit(1);
  }
  const scored = async ({ id }) => readRecord(out, id, 1).then((record) => scoredImage(record, 0, STEPS), () => undefined);
  return Promise.all(halves.map((half) => Promise.all(half.map(scored))));
}

const scoreHalf = (tune, score) => scoreImages(score, tune).means;
const concatenated = (a, b) => Float64Array.from([...a, ...b]);

/** Every half with the thresholds of the other. */
function crossFit([first, second]) {
  const [a, b] = [scoreHalf(second, first), scoreHalf(first, second)];
  return Object.fromEntries(Object.keys(a).map((score) => (
    [score, { sums: concatenated(a[score].sums, b[score].sums), counts: concatenated(a[score].counts, b[score].counts) }])));
}

const signed = (value) => `${value < 0 ? '-' : '+'}${Math.abs(100 * value).toFixed(1)}`;

/** A table of rows: the title and the means of each. */
function table(results) {
  const scores = Object.keys(SCORES);
  const resampled = results.map(({ means }) => bootstrapMeans(
    scores.map((score) => means[score]), { resamples: RESAMPLES, draw: drawWithReplacement(randomSequence(SEED)) }));
  const lines = [
    `| maps | ${Object.values(SCORES).join(' | ')} | ${['loc1', 'gtKnown'].map((score) => `${SCORES[score]}, difference`).join(' | ')} |`,
    `|---|${scores.map(() => '---:|').join('')}---:|---:|`,
  ];
  results.forEach(({ title, means }, r) => {
    const difference = (score) => {
      if (r === 0) return '';
      const i = scores.indexOf(score);
      const { low, high } = differenceInterval(resampled[r][i], resampled[0][i]);
      return `${signed(meanOf(means[score]) - meanOf(results[0].means[score]))} (${signed(low)} .. ${signed(high)})`;
    };
    lines.push(`| ${title} | ${scores.map((score) => (100 * meanOf(means[score])).toFixed(1)).join(' | ')} | ${difference('loc1')} | ${difference('gtKnown')} |`);
  });
  return lines.join('\n');
}

for (const argument of positionals) {
  const [, network, flags] = /^([^=]+)=(.*)$/s.exec(argument) ?? [];
  if (network === undefined) {
    console.error(`'${argument}' is not NAME=FLAGS`);
    process.exit(1);
  }
  const measured = [];
  for (const [key, [title, own]] of rows) measured.push({ title, images: await measure(network, flags.split(/\s+/).filter(Boolean), key, own) });
  // Differences need the same images in every row.
  const whole = halves.map((half, h) => half.map((_, i) => measured.every((row) => row.images[h][i] !== undefined)));
  const results = measured.map(({ title, images: own }) => ({ title, records: own.map((half, h) => half.filter((_, i) => whole[h][i])) }));
  const [first, second] = results[0].records.map(({ length }) => length);
  if (first === 0 || second === 0) {
    console.error(`stopped: no image of a half could be measured with ${network}`);
    process.exit(1);
  }
  if (first + second < withBoxes.length) console.log(`\n${withBoxes.length - first - second} images failed or are not on disk, and are left out.`);
  const { top1, top5 } = crossFit(results[0].records);
  console.log(`\n## ${network}\n\nTop-1 ${(100 * meanOf(top1)).toFixed(1)} %, top-5 ${(100 * meanOf(top5)).toFixed(1)} % of ${first + second} images.`);
  console.log(`\nThresholds of the first ${first} images, scored on the other ${second}:\n`);
  console.log(table(results.map(({ title, records }) => ({ title, means: scoreHalf(...records) }))));
  console.log(`\nAll ${first + second} images, each half with the thresholds of the other:\n`);
  console.log(table(results.map(({ title, records }) => ({ title, means: crossFit(records) }))));
}
