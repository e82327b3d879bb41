/**
 * The same CAM program (layers /8, /16, /32, two classes) on each runtime and device that works here: time to load it, time
 * per photograph, and how far its maps are from those of the first.
 *
 *     npm run bench -- runtimes [CLASSIFIER] [--runs N] [--threads N] [--device ort:cpu --device tfjs:wasm ...]
 *
 * Without a classifier: the one that comes with voc-seeds. Runs are taken in turn. TensorFlow.js has one thread per session,
 * whatever is given.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ClassifierGraph } from '../src/classifier/classifier.js';
import type { CamResult } from '../src/cam/gradient-program.js';
import { openCam, prepareCam } from '../src/cam/plan.js';
import { preprocessPresets } from '../src/classifier/spec.js';
import { UserError } from '../src/errors.js';
import { toTensor } from '../src/image/normalise.js';
import { DEFAULT_MAX_PIXELS, readPhoto } from '../src/image/photo.js';
import { readModel } from '../src/onnx/file/read.js';
import { defaultModelPath } from '../src/package.js';
import { openRuntime } from '../src/runtime/open.js';
import type { RuntimeName } from '../src/runtime/names.js';
import { median } from './median.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '15' }, threads: { type: 'string', default: '1' },
    device: { type: 'string', multiple: true, default: ['ort:cpu', 'tfjs:gpu', 'tfjs:node', 'tfjs:wasm', 'tfjs:cpu'] },
  },
});
const [runs, threads] = [Number(values.runs), Number(values.threads)];
const photo = await readPhoto(resolve('data/sample/JPEGImages/dogs_at_window.jpg'), { input: { kind: 'fixed', size: [320, 427] }, maxPixels: DEFAULT_MAX_PIXELS });
const tensor = toTensor(photo.pixels, photo.size, preprocessPresets.tensorflow);
const classifier = new ClassifierGraph(await readModel(positionals[0] ?? defaultModelPath()), 'logits');
const plan = prepareCam(classifier, classifier.resolveLayers(['/8', '/16', '/32']).map((layer) => ({ layer, method: 'layer-cam' })));

const contenders: { name: string; load: number; run: () => Promise<CamResult>; times: number[] }[] = [];
for (const text of values.device) {
  const [runtimeName, device] = text.split(':');
  try {
    const { runtime, description } = await openRuntime({ runtime: runtimeName as RuntimeName, device });
    const start = performance.now();
    const cam = await openCam(plan, runtime, { threads });
    const run = (): Promise<CamResult> => cam.run(tensor, photo.size, [11, 14]);
    // The first run makes what later runs keep.
    await run();
    contenders.push({ name: description, load: performance.now() - start, run, times: [] });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.log(`${text}: left out, ${error.message}`);
  }
}

const results: CamResult[] = [];
// Plain JavaScript takes many seconds: a few runs tell.
for (let i = 0; i < runs; i++) {
  for (const [c, contender] of contenders.entries()) {
    if (i >= 2 && contender.times[0] > 5000) continue;
    const start = performance.now();
    results[c] = await contender.run();
    contender.times.push(performance.now() - start);
  }
}

/** The mean and the largest difference of two maps' cells, relative to the largest value. */
function difference(a: Float32Array, b: Float32Array): string {
  const most = a.reduce((largest, value) => Math.max(largest, value), 0);
  const errors = a.map((value, i) => Math.abs(value - b[i]) / most);
  return `${(errors.reduce((sum, error) => sum + error, 0) / errors.length).toExponential(0)} / ${errors.reduce((x, y) => Math.max(x, y), 0).toExponential(0)}`;
}

console.log(`${runs} runs in turn, ${threads} thread${threads === 1 ? '' : 's'}, input 320 x 427, two classes\n`);
console.log('| runtime | load and first run, s | a photograph, ms: median | fastest | maps against the first: mean / largest, /8 | /16 | /32 |');
console.log('|---|---:|---:|---:|---:|---:|---:|');
for (const [c, { name, load, times }] of contenders.entries()) {
  const maps = results[c].maps.map(({ data }, l) => (c === 0 ? '' : difference(results[0].maps[l].data, data)));
  console.log(`| ${name} | ${(load / 1000).toFixed(1)} | ${median(times).toFixed(0)} | ${Math.min(...times).toFixed(0)} | ${maps.join(' | ')} |`);
}
process.exit(0);
