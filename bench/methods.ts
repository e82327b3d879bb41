/**
 * The time of a photograph with each CAM method that needs the network once, at one layer, same runtime, runs taken in turn.
 *
 *     npm run bench -- methods [CLASSIFIER] [--layer /32] [--runs N] [--threads N]
 *
 * Without a classifier: the one that comes with voc-seeds.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ClassifierGraph } from '../src/classifier/classifier.js';
import { camMethods } from '../src/cam/methods/index.js';
import { CAM_METHODS } from '../src/cam/names.js';
import { openCam, prepareCam } from '../src/cam/plan.js';
import { preprocessPresets } from '../src/classifier/spec.js';
import { toTensor } from '../src/image/normalise.js';
import { DEFAULT_MAX_PIXELS, readPhoto } from '../src/image/photo.js';
import { readModel } from '../src/onnx/file/read.js';
import { defaultModelPath } from '../src/package.js';
import { channelBlock } from '../src/runtime/blocked/channel-block.js';
import { ortRuntime } from '../src/runtime/ort/ort.js';
import { median } from './median.js';

const { values, positionals: [path = defaultModelPath()] } = parseArgs({
  allowPositionals: true,
  options: { layer: { type: 'string', default: '/32' }, runs: { type: 'string', default: '15' }, threads: { type: 'string', default: '2' } },
});
const [runs, threads] = [values.runs, values.threads].map(Number);
const input = { kind: 'fixed', size: [320, 427] } as const;
const photo = await readPhoto(resolve('data/sample/JPEGImages/dogs_at_window.jpg'), { input, maxPixels: DEFAULT_MAX_PIXELS });
const tensor = toTensor(photo.pixels, photo.size, preprocessPresets.tensorflow);
const classifier = new ClassifierGraph(await readModel(path), 'logits');
const [layer] = classifier.resolveLayers([values.layer]);
const linear = layer === classifier.resolveLayers(['/32'])[0];
const methods = CAM_METHODS.filter((name) => !['channels', 'vectors'].includes(camMethods[name].kind) && (name !== 'cam' || linear));

const block = await channelBlock(ortRuntime);
const jobs = [];
for (const method of methods) {
  const cam = await openCam(prepareCam(classifier, [{ layer, method }], { block }), ortRuntime, { threads });
  for (const classes of [[7], [7, 11, 14]]) jobs.push({ method, classes, cam, times: [] as number[] });
}
for (let i = 0; i < runs + 2; i++) {
  for (const { classes, cam, times } of jobs) {
    const start = performance.now();
    await cam.run(tensor, photo.size, classes);
    if (i >= 2) times.push(performance.now() - start);
  }
}
console.log(`medians of ${runs} runs in turn, ${threads} threads, input 320 x 427, layer ${values.layer} (${layer.channels} channels)\n`);
console.log('| method | one class, ms | three classes, ms |');
console.log('|---|---:|---:|');
for (const method of methods) {
  const cells = jobs.filter((job) => job.method === method).map(({ times }) => median(times).toFixed(1));
  console.log(`| ${method} | ${cells.join(' | ')} |`);
}
