/**
 * What gradients and maps cost on top of the forward pass: CAM program of the layers /8, /16, /32 against the plain
 * classifier, same runtime, same photograph, runs taken in turn.
 *
 *     npm run bench -- cam [CLASSIFIER ...] [--runs N] [--threads N]
 *
 * Without a classifier: the one that comes with voc-seeds. ImageNet models of `../shared` may be named too.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ClassifierGraph } from '../src/classifier/classifier.js';
import { openCam, prepareCam } from '../src/cam/plan.js';
import { preprocessPresets } from '../src/classifier/spec.js';
import { toTensor } from '../src/image/normalise.js';
import { DEFAULT_MAX_PIXELS, readPhoto } from '../src/image/photo.js';
import { readModel } from '../src/onnx/file/read.js';
import { serializeModel } from '../src/onnx/file/write.js';
import { defaultModelPath } from '../src/package.js';
import { channelBlock } from '../src/runtime/blocked/channel-block.js';
import { ortRuntime } from '../src/runtime/ort/ort.js';
import { median } from './median.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '15' }, threads: { type: 'string', default: '2' } },
});
const runs = Number(values.runs);
const threads = Number(values.threads);
const block = await channelBlock(ortRuntime);
const photo = await readPhoto(resolve('data/sample/JPEGImages/dogs_at_window.jpg'), { input: { kind: 'fixed', size: [320, 427] }, maxPixels: DEFAULT_MAX_PIXELS });
const tensor = toTensor(photo.pixels, photo.size, preprocessPresets.tensorflow);

console.log(`medians of ${runs} runs in turn, ${threads} threads, input 320 x 427, layers /8, /16, /32\n`);
console.log('| classifier | forward, ms | one class, ms | three classes, ms | one class / forward | three / forward |');
console.log('|---|---:|---:|---:|---:|---:|');
for (const path of positionals.length > 0 ? positionals : [defaultModelPath()]) {
  const classifier = new ClassifierGraph(await readModel(path), 'logits');
  const layers = classifier.resolveLayers(['/8', '/16', '/32']);
  const forward = await ortRuntime.load(serializeModel(classifier.model), { threads });
  const cam = await openCam(prepareCam(classifier, layers.map((layer) => ({ layer, method: 'layer-cam' })), { block }), ortRuntime, { threads });
  const image = { [classifier.input.name]: { type: 'float32' as const, dims: [1, 3, ...photo.size], data: tensor } };
  const jobs = [
    () => forward.run(image),
    () => cam.run(tensor, photo.size, [7]),
    () => cam.run(tensor, photo.size, [7, 11, 14]),
  ];
  const times: number[][] = jobs.map(() => []);
  for (let i = 0; i < runs + 2; i++) {
    for (const [j, job] of jobs.entries()) {
      const start = performance.now();
      await job();
      if (i >= 2) times[j].push(performance.now() - start);
    }
  }
  const [plain, one, three] = times.map(median);
  console.log(`| ${path.split('/').at(-1)} | ${plain.toFixed(1)} | ${one.toFixed(1)} | ${three.toFixed(1)} | ${(one / plain).toFixed(2)} | ${(three / plain).toFixed(2)} |`);
  await forward.release();
  await cam.release();
}
