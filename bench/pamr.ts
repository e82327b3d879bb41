/**
 * PAMR of one photograph of 500 x 375 pixels with two maps, ten iterations: this project's WebAssembly on one thread against
 * PyTorch on two, in alternating rounds of the same run; and two photographs at once on two threads against the same.
 *
 *     npm run bench -- pamr [--rounds 5] [--threads 2] [--python python3]
 *
 * PyTorch's side is bench/pamr_torch.py; it runs where a Python with torch is given. It times two ways to write PAMR: the
 * neighbours by dilated convolutions, as the paper's program does, and by slices of padded planes, which is faster on a CPU.
 * Both results are compared with ours.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { upsamplePlanes } from '../src/maps/refine/cells.js';
import { pamr, pamrOptions } from '../src/maps/refine/pamr.js';
import { randomSequence } from '../src/random.js';
import { median } from './median.js';

const SIZE: [number, number] = [375, 500];
const CLASSES = 2;
const options = pamrOptions.parse({});

interface Work { readonly maps: Float32Array; readonly image: Uint8Array }

if (isMainThread) await compare();
else {
  const { maps, image } = workerData as Work;
  parentPort!.on('message', () => {
    pamr(maps, image, SIZE, options);
    parentPort!.postMessage(null);
  });
}

async function compare(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '5' }, threads: { type: 'string', default: '2' }, python: { type: 'string' } },
  });
  const [rounds, threads] = [Number(values.rounds), Number(values.threads)];
  const image = new Uint8Array(await sharp(resolve('data/sample/JPEGImages/cat_on_floor.jpg')).resize({ height: SIZE[0], width: SIZE[1], fit: 'fill' }).removeAlpha().raw().toBuffer());
  const random = randomSequence(1);
  const maps = upsamplePlanes(Float32Array.from({ length: CLASSES * 12 * 16 }, () => random()), CLASSES, [12, 16], SIZE);
  const workers = [0, 1].map(() => new Worker(new URL(import.meta.url), { workerData: { maps, image } satisfies Work }));

  const folder = await mkdtemp(join(tmpdir(), 'pamr-'));
  await writeFile(join(folder, 'image'), image);
  await writeFile(join(folder, 'maps'), maps);
  const peer = values.python === undefined
    ? undefined
    : spawn(values.python, [resolve('bench/pamr_torch.py'), folder, ...[...SIZE, CLASSES, threads].map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = peer && createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
  if (answers !== undefined) await answers.next();

  const timings = { one: [] as number[], pair: [] as number[], convolutions: [] as number[], slices: [] as number[] };
  for (let round = -2; round < rounds; round++) {
    const start = performance.now();
    const refined = pamr(maps, image, SIZE, options);
    const middle = performance.now();
    await Promise.all(workers.map(async (worker) => {
      worker.postMessage(null);
      await once(worker, 'message');
    }));
    const end = performance.now();
    const torch = { convolutions: NaN, slices: NaN };
    // One round to warm up is enough for PyTorch.
    if (peer !== undefined && answers !== undefined && round > -2) {
      await writeFile(join(folder, 'refined'), refined);
      peer.stdin.write('round\n');
      Object.assign(torch, JSON.parse((await answers.next()).value as string));
    }
    if (round < 0) continue;
    timings.one.push(middle - start);
    timings.pair.push((end - middle) / 2);
    timings.convolutions.push(torch.convolutions);
    timings.slices.push(torch.slices);
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
  if (peer !== undefined) {
    peer.stdin.end();
    await once(peer, 'exit');
  }
  await rm(folder, { recursive: true });

  console.log(`PAMR, ${SIZE[1]} x ${SIZE[0]} pixels, ${CLASSES} maps, ${options.iterations} iterations, ${rounds} rounds\n`);
  console.log('| | median ms per photograph | fastest |');
  console.log('|---|---:|---:|');
  const row = (name: string, list: readonly number[]): void => { console.log(`| ${name} | ${median(list).toFixed(0)} | ${Math.min(...list).toFixed(0)} |`); };
  row('WebAssembly, one thread', timings.one);
  row('WebAssembly, two photographs on two threads', timings.pair);
  if (peer === undefined) return;
  row(`PyTorch, ${threads} threads, convolutions`, timings.convolutions);
  row(`PyTorch, ${threads} threads, slices`, timings.slices);
  const times = (list: readonly number[]): string => (median(list) / median(timings.one)).toFixed(1);
  console.log(`\nPyTorch takes ${times(timings.convolutions)} (convolutions) and ${times(timings.slices)} (slices) times as long for one photograph.`);
}
