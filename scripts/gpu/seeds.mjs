// Images per second of `generate` on each device with several workers and batches, and the pixels of seeds that differ from those of the
// processor.
//
//   node scripts/gpu/seeds.mjs VOC_ROOT OUT.json --split LIST [--repeat 10] [--runs paper:cuda:4:8,...]
//
// A run is PRESET:DEVICE:WORKERS:BATCH or PRESET:DEVICE:WORKERS:BATCH:INPUT_SIZE; `-` leaves one to the default. Rates are of the photographs
// of the list, each `repeat` times, without the start of the command: the time of a run over the list once is taken off.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readMask } from '../../dist/datasets/masks.js';
import { VOC } from '../../dist/datasets/classes/voc.js';

const { values: options, positionals: [root, out] } = parseArgs({ allowPositionals: true, options: {
  split: { type: 'string' }, repeat: { type: 'string', default: '10' }, runs: { type: 'string' }, labels: { type: 'string', default: 'xml' },
} });
const repeat = Number(options.repeat);
const work = mkdtempSync(join(tmpdir(), 'voc-seeds-devices-'));
const ids = readFileSync(join(root, 'ImageSets/Segmentation', `${options.split}.txt`), 'utf8').trim().split('\n');

/** The photographs again and again under other names. */
function repeated(times) {
  const voc = join(work, `VOC${times}`);
  const folders = { JPEGImages: 'jpg', Annotations: 'xml', SegmentationClass: 'png' };
  const names = [];
  for (const folder of [...Object.keys(folders), 'ImageSets/Segmentation']) mkdirSync(join(voc, folder), { recursive: true });
  for (let i = 0; i < times; i++) {
    for (const id of ids) {
      names.push(`${id}_${i}`);
      for (const [folder, end] of Object.entries(folders)) symlinkSync(resolve(root, folder, `${id}.${end}`), join(voc, folder, `${id}_${i}.${end}`));
    }
  }
  writeFileSync(join(voc, 'ImageSets/Segmentation/all.txt'), `${names.join('\n')}\n`);
  return voc;
}

let count = 0;
function generate(voc, [preset, device, workers, batch, ...inputSize]) {
  const folder = join(work, `seeds${count++}`);
  const flag = (name, value) => (value === '-' ? [] : [name, value]);
  const words = [
    'generate', '--voc-root', voc, '--split', 'all', '--labels', options.labels, '--config', preset, '--out', folder, '--runtime', 'ort',
    ...flag('--device', device), ...flag('--workers', workers), ...flag('--batch', batch),
    ...flag('--input-size', inputSize.join(':') || '-'), '--json',
  ];
  const { stdout, stderr, status } = spawnSync(process.execPath, [resolve('bin/voc-seeds.js'), ...words], { encoding: 'utf8', timeout: 90_000, maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`ended with ${status}: ${stderr.slice(-600)}`);
  const { counts, seconds, stages } = JSON.parse(stdout);
  return { folder, counts, seconds, stages };
}

const [short, long] = [repeated(1), repeated(1 + repeat)];
const exact = new Map();

async function differing([preset, , , , ...inputSize], folder) {
  const like = [preset, 'cpu', '-', '-', ...inputSize];
  const key = like.join(':');
  if (!exact.has(key)) exact.set(key, generate(short, like).folder);
  let [pixels, other] = [0, 0];
  for (const id of ids) {
    const [a, b] = await Promise.all([exact.get(key), folder].map((at) => readMask(join(at, 'SegmentationClass', `${id}_0.png`), { classes: VOC })));
    pixels += a.data.length;
    for (let i = 0; i < a.data.length; i++) if (a.data[i] !== b.data[i]) other++;
  }
  return other / pixels;
}

const results = [];
for (const text of options.runs.split(',')) {
  const run = text.split(':');
  let result;
  try {
    const one = generate(short, run);
    const many = generate(long, run);
    result = {
      run: text, imagesPerSecond: Number((repeat * ids.length / (many.seconds - one.seconds)).toFixed(1)), seconds: [one.seconds, many.seconds],
      counts: many.counts, stages: many.stages, differing: Number((await differing(run, one.folder)).toExponential(2)),
    };
  } catch (error) {
    result = { run: text, failed: error.message };
  }
  results.push(result);
  console.log(JSON.stringify(result));
  writeFileSync(out, JSON.stringify(results));
}
