/**
 * The map kernels in WebAssembly, against the same work in JavaScript where that still exists: fusing three layers of two
 * maps, counting the histogram of a sweep, and plain arithmetic, at 500 x 375 pixels on one thread. The fastest of alternating rounds.
 *
 *     npm run bench -- kernels [--rounds 31]
 */
import { parseArgs } from 'node:util';
import { ArrayMaps } from '../src/maps/map-rows.js';
import type { InterpolationOptions } from '../src/kernels/interpolation.js';
import { truthSlots } from '../src/ablate/truth-slots.js';
import { ThresholdSweep } from '../src/metrics/sweep.js';
import { largestOfRow } from '../src/seeds/assign.js';
import { randomSequence } from '../src/random.js';
import { MapKernels } from '../src/kernels/map-kernels.js';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '31' } } });
const rounds = Number(values.rounds);
const [height, width] = [375, 500];
const area = height * width;
const labels = Uint8Array.of(12, 15);
const random = randomSequence(1);
const layers = [[40, 54], [20, 27], [10, 14]].map(([h, w]) => (
  { height: h, width: w, data: Float32Array.from({ length: 2 * h * w }, () => random() ** 3) }
));
const truth = Uint8Array.from({ length: area }, (_, i) => [0, 0, 0, 12, 255][Math.floor(i / 97) % 5]);
const options: InterpolationOptions = { upsample: 'bilinear', alignCorners: false };

const kernels = new MapKernels();
const parts = layers.map(({ height: h, width: w, data }) => (
  { maps: kernels.floatsFrom(data), grid: kernels.grid([h, w], [height, width], options) }
));
const out = kernels.floats(2 * area);
const slots = truthSlots(truth);
const truthBytes = kernels.bytesFrom(slots.slots);
const histogram = kernels.histogram(100, slots.count, labels.length);
const a = kernels.floats(area);
const b = kernels.floats(area);
const other = new Float32Array(area);
const values32 = new Float32Array(area);

const fused = new ArrayMaps(Float32Array.from({ length: 2 * area }, () => random() ** 3), 2, height, width);
let maxima: Float32Array = new Float32Array(2);
const sweep = new ThresholdSweep(100);
const best = new Float32Array(width);
const winner = new Uint8Array(width);
const label = new Uint8Array(width);

function sweepRows(): void {
  for (let y = 0; y < height; y++) {
    largestOfRow(fused, y, best, winner);
    for (let x = 0; x < width; x++) label[x] = labels[winner[x]];
    sweep.add(truth.subarray(y * width, (y + 1) * width), best, label);
  }
}

const work: [string, (() => void) | undefined, () => void][] = [
  ['upsample and fuse 3 layers of 2 maps', undefined, () => { maxima = kernels.fuse(parts, 2, out, 'max'); }],
  ['strongest of 2 maps and histogram of 100 bins', sweepRows, () => { kernels.argmaxHistogram(out, truthBytes, histogram, maxima); }],
  ['maximum of two maps', () => { for (let i = 0; i < area; i++) if (other[i] > values32[i]) values32[i] = other[i]; }, () => { kernels.maxInto(a, b); }],
  ['weighted sum of two maps', () => { for (let i = 0; i < area; i++) values32[i] += 0.5 * other[i]; }, () => { kernels.addInto(a, b, 0.5); }],
  ['division by a number', () => { for (let i = 0; i < area; i++) values32[i] /= 1.5; }, () => { kernels.divide(a, 1.5); }],
];
const timings = work.map((): [number[], number[]] => [[], []]);
for (let round = -10; round < rounds; round++) {
  work.forEach(([, ...sides], i) => {
    sides.forEach((run, side) => {
      if (run === undefined) return;
      const start = performance.now();
      run();
      if (round >= 0) timings[i][side].push(performance.now() - start);
    });
  });
}
const perPixel = (list: readonly number[]): string => (list.length === 0 ? '' : ((1e6 * Math.min(...list)) / area).toFixed(2));
console.log(`${width} x ${height} pixels, one thread, fastest of ${rounds} rounds; nanoseconds per pixel\n`);
console.log('| | JavaScript | WebAssembly |');
console.log('|---|---:|---:|');
work.forEach(([name], i) => { console.log(`| ${name} | ${perPixel(timings[i][0])} | ${perPixel(timings[i][1])} |`); });
