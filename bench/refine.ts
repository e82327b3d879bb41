/**
 * The time each refiner and upsampler takes for one photograph of 500 x 375 pixels and two maps, on one thread.
 *
 *     npm run bench -- refine [--rounds 9]
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { upsamplePlanes } from '../src/maps/refine/cells.js';
import { parseRefiners, refineMaps, REFINERS } from '../src/maps/refine/refiners.js';
import { parseUpsampler, UPSAMPLERS, upsampleMaps } from '../src/maps/refine/upsamplers.js';
import { randomSequence } from '../src/random.js';
import { median } from './median.js';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } });
const rounds = Number(values.rounds);
const size: [number, number] = [375, 500];
const cells: [number, number] = [24, 32];
const image = new Uint8Array(await sharp(resolve('data/sample/JPEGImages/cat_on_floor.jpg')).resize({ height: size[0], width: size[1], fit: 'fill' }).removeAlpha().raw().toBuffer());
const random = randomSequence(1);
const small = Float32Array.from({ length: 2 * cells[0] * cells[1] }, () => random());
const maps = upsamplePlanes(small, 2, cells, size);

const work: [string, () => void][] = [
  ...Object.keys(REFINERS).map((name): [string, () => void] => {
    const specs = parseRefiners(name);
    return [name, () => { refineMaps(maps, image, size, specs); }];
  }),
  ...Object.keys(UPSAMPLERS).map((name): [string, () => void] => {
    const spec = parseUpsampler(name);
    return [`${name}, upsampling from ${cells[1]} x ${cells[0]}`, () => { upsampleMaps(small, cells, image, size, spec); }];
  }),
];
const timings = work.map((): number[] => []);
for (let round = -3; round < rounds; round++) {
  work.forEach(([, run], i) => {
    const start = performance.now();
    run();
    if (round >= 0) timings[i].push(performance.now() - start);
  });
}
console.log(`${size[1]} x ${size[0]} pixels, 2 maps, one thread, ${rounds} rounds\n`);
console.log('| | median ms | fastest |');
console.log('|---|---:|---:|');
work.forEach(([name], i) => { console.log(`| ${name} | ${median(timings[i]).toFixed(0)} | ${Math.min(...timings[i]).toFixed(0)} |`); });
