/**
 * What the device thread costs that workers share on an accelerator, measured on the processor with networks that cost next to nothing:
 *
 * - a run through the device thread beside the same run in the own thread: microseconds more, by the size of the image;
 * - how many runs a second the device thread takes from several threads that do nothing else, and how long it is busy for each;
 * - `generate` with a tiny classifier: images per second and processor time per image, with sessions of their own and through the device thread.
 *
 *     npm run bench -- device-thread [--images N] [--rounds N] [--clients N]
 *
 * Needs `../shared` for the last part: dev_all, image-level labels from `cls_labels.npy`.
 */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { loadClassifier } from '../src/classifier/load.js';
import { MODEL_SPEC_KEY } from '../src/classifier/spec.js';
import { VOC_CLASSES } from '../src/datasets/classes/voc.js';
import { openDevkit } from '../src/datasets/devkit.js';
import { createLabelSource } from '../src/datasets/labels/create.js';
import { readSplit } from '../src/datasets/splits.js';
import { portOf } from '../src/jobs/workers/companion-port.js';
import { GraphBuilder } from '../src/onnx/builder.js';
import { serializeModel, writeModel } from '../src/onnx/file/write.js';
import type { OnnxModel } from '../src/onnx/model.js';
import { DataType } from '../src/onnx/tensor.js';
import { generateSeeds } from '../src/pipeline/generate.js';
import { randomSequence } from '../src/random.js';
import { openRuntime } from '../src/runtime/open.js';
import { DeviceThread } from '../src/runtime/shared/device-thread.js';
import { generateSchema } from '../src/settings/generate.js';
import type { DeviceClientData } from './device-client.js';
import { inFolder } from './in-folder.js';
import { median } from './median.js';

const { values } = parseArgs({
  options: { images: { type: 'string', default: '200' }, rounds: { type: 'string', default: '3' }, clients: { type: 'string', default: '2' } },
});
const choice = { runtime: 'ort', device: 'cpu' } as const;
const { runtime } = await openRuntime(choice);
const about = { name: runtime.name, version: runtime.version, device: runtime.device };

/** A classifier with a convolution of stride 16, a second of stride 2, pooling and a linear layer. */
function tinyClassifier(): OnnxModel {
  const random = randomSequence(1);
  const b = new GraphBuilder();
  const weights = (...dims: number[]): string => b.floats(Float32Array.from({ length: dims.reduce((x, y) => x * y) }, () => random() - 0.4), dims);
  b.reserve('image');
  const shallow = b.relu(b.node('Conv', ['image', weights(4, 3, 3, 3)], { strides: [16, 16] }));
  const deep = b.relu(b.node('Conv', [shallow, weights(4, 4, 1, 1)], { strides: [2, 2] }));
  b.alias(b.node('Flatten', [b.node('Conv', [b.node('GlobalAveragePool', [deep]), weights(VOC_CLASSES.length, 4, 1, 1)])]), 'logits');
  const spec = { logits: 'logits', channelOrder: 'rgb', scale: 1 / 255, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], classes: [...VOC_CLASSES] };
  return {
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: 'bench', metadata: new Map([[MODEL_SPEC_KEY, JSON.stringify(spec)]]),
    graph: {
      name: 'tiny', nodes: b.nodes, initializers: b.initializers,
      inputs: [{ name: 'image', type: DataType.float32, shape: ['N', 3, 'H', 'W'] }],
      outputs: [{ name: 'logits', type: DataType.float32, shape: ['N', VOC_CLASSES.length] }],
    },
  };
}

interface Rate {
  /** Of all threads. */
  readonly perSecond: number;
  /** Microseconds that the device thread was busy for each run. */
  readonly busy: number;
}

const RUNS = 300;

/** Runs in some threads at once, through a device thread or each with its own session. */
async function rateOf(clients: number, size: number, shared: boolean, inFlight: number): Promise<Rate> {
  const device = shared ? new DeviceThread(choice) : undefined;
  const graph = serializeModel(tinyClassifier());
  const workers = await Promise.all(Array.from({ length: clients }, async () => {
    const data: DeviceClientData = { graph, size, inFlight, runs: RUNS, about: shared ? about : undefined };
    const worker = new Worker(new URL('./device-client.js', import.meta.url), { workerData: data });
    if (device !== undefined) {
      const [message] = await once(worker, 'message') as [unknown];
      device.connect(portOf(message)!);
    }
    await once(worker, 'message');
    return worker;
  }));
  const before = device?.thread?.performance.eventLoopUtilization();
  const start = performance.now();
  const done = workers.map((worker) => once(worker, 'message'));
  for (const worker of workers) worker.postMessage('go');
  await Promise.all(done);
  const perSecond = clients * RUNS / (performance.now() - start) * 1000;
  const busy = 1000 * (device?.thread?.performance.eventLoopUtilization(before).active ?? 0) / (clients * RUNS);
  for (const worker of workers) await worker.terminate();
  await device?.close();
  return { perSecond, busy };
}

const rounds = Number(values.rounds);
const clients = Number(values.clients);
const table: Record<string, Record<string, number>> = {};
for (const size of [32, 224, 448]) {
  const [own, device, rate, busy]: number[][] = [[], [], [], []];
  for (let round = 0; round < rounds; round++) {
    own.push(1e6 / (await rateOf(1, size, false, 1)).perSecond);
    device.push(1e6 / (await rateOf(1, size, true, 1)).perSecond);
    const many = await rateOf(clients, size, true, 2);
    rate.push(many.perSecond);
    busy.push(many.busy);
  }
  table[`${size} x ${size}`] = {
    'own session, us': Math.round(median(own)), 'device thread, us': Math.round(median(device)),
    [`runs/s of ${clients} threads`]: Math.round(median(rate)), 'device thread busy, us/run': Math.round(median(busy)),
  };
}
console.table(table);

const voc = resolve('../shared/voc/VOCdevkit/VOC2012');
if (existsSync(voc)) {
  const devkit = await openDevkit(voc);
  const items = (await readSplit(devkit, 'dev_all')).items.slice(0, Number(values.images));
  const labels = await createLabelSource('npy', { devkit, file: resolve('../shared/voc/cls_labels.npy') });
  const settings = generateSchema.parse({ layers: ['/32'] });
  const ways = { '1 worker, own session': { workers: 1 }, '2 workers, own sessions': { workers: 2 }, '2 workers, device thread': { workers: 2, share: true }, '2 workers, device thread, batch 8': { workers: 2, share: true, batch: 8 } };
  const results = new Map(Object.keys(ways).map((name) => [name, { rates: [] as number[], processor: [] as number[] }]));
  await inFolder(async (folder) => {
    const path = join(folder, 'tiny.onnx');
    await writeModel(path, tinyClassifier());
    const classifier = await loadClassifier(path);
    for (let round = 0; round < rounds; round++) {
      for (const [name, way] of Object.entries(ways)) {
        const before = process.cpuUsage();
        const { imagesPerSecond } = await inFolder((out) => generateSeeds({
          classifier, settings, items, missing: [], labels, split: 'bench', out, format: 'palette', saveCams: false, resume: false, ...way,
        }));
        const { user, system } = process.cpuUsage(before);
        results.get(name)!.rates.push(imagesPerSecond);
        results.get(name)!.processor.push((user + system) / 1000 / items.length);
      }
    }
  });
  console.table(Object.fromEntries([...results].map(([name, { rates, processor }]) => (
    [name, { 'images/s': Number(median(rates).toFixed(1)), 'processor, ms/image': Number(median(processor).toFixed(2)) }]))));
}
