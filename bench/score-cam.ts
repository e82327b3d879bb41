/**
 * The cost of a Score-CAM map against the published plain loop in PyTorch, where a Python with torch is given: the same
 * network and photograph, the same channels in batches of the same size, the same number of threads, in turn in one run.
 *
 *     npm run bench -- score-cam [MODEL] [--layer /32] [--channels 64] [--batch 16] [--rounds 5] [--threads 2] [--python python3]
 *
 * Without a model: the classifier that comes with voc-seeds. The channels are those with the largest mean activations, which
 * are alive; `--channels 100000` takes all, and what is saved on dead ones counts. PyTorch's side is
 * bench/score_cam_torch.py. Times are the least of the rounds, which other work on the machine disturbs least.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { ClassifierGraph } from '../src/classifier/classifier.js';
import { openCam, prepareCam } from '../src/cam/plan.js';
import { preprocessPresets } from '../src/classifier/spec.js';
import { toTensor } from '../src/image/normalise.js';
import { DEFAULT_MAX_PIXELS, readPhoto } from '../src/image/photo.js';
import { readModel } from '../src/onnx/file/read.js';
import { defaultModelPath } from '../src/package.js';
import { ortRuntime } from '../src/runtime/ort/ort.js';

const { values, positionals: [path = defaultModelPath()] } = parseArgs({
  allowPositionals: true,
  options: {
    layer: { type: 'string', default: '/32' }, channels: { type: 'string', default: '64' }, batch: { type: 'string', default: '16' },
    rounds: { type: 'string', default: '5' }, threads: { type: 'string', default: '2' }, python: { type: 'string' },
  },
});
const [channels, batch, rounds, threads] = [values.channels, values.batch, values.rounds, values.threads].map(Number);

const model = await readModel(path);
const classifier = new ClassifierGraph(model, model.graph.outputs[0].name);
const [layer] = classifier.resolveLayers([values.layer]);
const photo = await readPhoto(resolve('data/sample/JPEGImages/dogs_at_window.jpg'), { input: { kind: 'fixed', size: [320, 427] }, maxPixels: DEFAULT_MAX_PIXELS });
const image = toTensor(photo.pixels, photo.size, preprocessPresets.tensorflow);
const plan = prepareCam(classifier, [{ layer, method: 'score-cam' }], { scoreCamTopK: channels, scoreCamBatch: batch });
const cam = await openCam(plan, ortRuntime, { threads });
const [one, three] = [[11], [11, 7, 14]];

const folder = await mkdtemp(join(tmpdir(), 'voc-seeds-bench-'));
const imageFile = join(folder, 'image.f32');
await writeFile(imageFile, image);
const settings = [path, layer.name, batch, threads, channels, imageFile, ...photo.size, one[0]].map(String);
const peer = values.python === undefined ? undefined : spawn(values.python, [resolve('bench/score_cam_torch.py'), ...settings], { stdio: ['pipe', 'pipe', 'inherit'] });
const answers = peer && createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
if (answers !== undefined) await answers.next();

const least = { one: Infinity, three: Infinity, torch: Infinity };
let difference = NaN;
for (let round = -1; round < rounds; round++) {
  const start = performance.now();
  const result = await cam.run(image, photo.size, one);
  const middle = performance.now();
  await cam.run(image, photo.size, three);
  const end = performance.now();
  let torch = NaN;
  if (peer !== undefined && answers !== undefined) {
    peer.stdin.write('round\n');
    const { ms, map } = JSON.parse((await answers.next()).value as string) as { ms: number; map: number[] };
    torch = ms;
    const [{ data }] = result.maps;
    difference = Math.max(...map.map((value, i) => Math.abs(value - data[i]))) / Math.max(...map);
  }
  if (round < 0) continue;
  least.one = Math.min(least.one, middle - start);
  least.three = Math.min(least.three, (end - middle) / 3);
  if (peer !== undefined) least.torch = Math.min(least.torch, torch);
}
if (peer !== undefined) {
  peer.stdin.end();
  await once(peer, 'exit');
}
await cam.release();
await rm(folder, { recursive: true });

const masks = Math.min(channels, layer.channels);
console.log(`${path.split('/').at(-1)}, ${layer.name} (${layer.channels} channels), ${masks} masks in batches of ${batch}, 320 x 427, ${threads} threads; least of ${rounds} rounds\n`);
console.log('| Score-CAM | ms per map | ms per mask |');
console.log('|---|---:|---:|');
const row = (name: string, ms: number): void => { console.log(`| ${name} | ${ms.toFixed(0)} | ${(ms / masks).toFixed(1)} |`); };
row('one class', least.one);
row('each of three classes', least.three);
if (peer !== undefined) {
  row('PyTorch, any class', least.torch);
  console.log(`\nPyTorch takes ${(least.torch / least.one).toFixed(2)} times as long for one class, ${(least.torch / least.three).toFixed(2)} times for each of three.`);
  console.log(`The maps differ by ${difference.toExponential(1)} of the maximum.`);
}
