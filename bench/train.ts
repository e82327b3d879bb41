/**
 * The cost of a training step (forward, gradients of all weights, update) against the forward pass of the same batch in
 * the same runtime, and against PyTorch's training step of the same network in the same run, where a Python with torch
 * is given. Medians of alternating rounds.
 *
 *     npm run bench -- train MODEL [--batch 16] [--size 224] [--rounds 9] [--threads 2] [--python python3]
 *
 * PyTorch's side is bench/train_torch.py: the same ONNX file as a module of plain torch operators, SGD with momentum.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ClassifierGraph } from '../src/classifier/classifier.js';
import { readModel } from '../src/onnx/file/read.js';
import { serializeModel } from '../src/onnx/file/write.js';
import { ortRuntime } from '../src/runtime/ort/ort.js';
import { trainableParameters } from '../src/train/parameters.js';
import { randomSequence } from '../src/random.js';
import { Trainer } from '../src/train/trainer.js';
import { median } from './median.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    batch: { type: 'string', default: '16' }, size: { type: 'string', default: '224' }, rounds: { type: 'string', default: '9' },
    threads: { type: 'string', default: '2' }, python: { type: 'string' },
  },
});
const [path] = positionals;
if (path === undefined) throw new Error('name a model');
const [batch, size, rounds, threads] = [values.batch, values.size, values.rounds, values.threads].map(Number);

const model = await readModel(path);
const classifier = new ClassifierGraph(model, model.graph.outputs[0].name, [size, size]);
const random = randomSequence(1);
const images = Float32Array.from({ length: batch * 3 * size * size }, () => 2 * random() - 1);
const targets = Float32Array.from({ length: batch * classifier.classCount }, () => (random() < 0.1 ? 1 : 0));

const forward = await ortRuntime.load(serializeModel(classifier.model), { threads, steady: true });
const trainer = await Trainer.create(classifier, trainableParameters(classifier), {
  batchSize: batch, imageSize: size, threads, optimiser: 'sgd', momentum: 0.9, weightDecay: 1e-4, headRate: 10, average: false,
});

const peer = values.python === undefined
  ? undefined
  : spawn(values.python, [resolve('bench/train_torch.py'), path, String(batch), String(size), String(threads)], { stdio: ['pipe', 'pipe', 'inherit'] });
const answers = peer && createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
if (answers !== undefined) await answers.next();

/** Threads that have worked wait actively for more; they would take time from those that are measured next. */
const pause = (): Promise<void> => setTimeout(100);
/** Rounds before those that count. */
const WARM_UP = 2;

const timings = { forward: [] as number[], pass: [] as number[], step: [] as number[], torchForward: [] as number[], torchStep: [] as number[] };
for (let round = 0; round < WARM_UP + rounds; round++) {
  await pause();
  const start = performance.now();
  await forward.run({ [classifier.input.name]: { type: 'float32', dims: [batch, 3, size, size], data: images } });
  timings.forward.push(performance.now() - start);
  await pause();
  const middle = performance.now();
  await trainer.pass(images, targets);
  const passed = performance.now();
  // A rate of zero: random images would soon make the weights useless, and with them the activations.
  await trainer.update(0);
  const end = performance.now();
  const torch = { forward: NaN, step: NaN };
  if (peer !== undefined && answers !== undefined) {
    await pause();
    peer.stdin.write('round\n');
    Object.assign(torch, JSON.parse((await answers.next()).value as string));
  }
  timings.pass.push(passed - middle);
  timings.step.push(end - middle);
  timings.torchForward.push(torch.forward);
  timings.torchStep.push(torch.step);
}
if (peer !== undefined) {
  peer.stdin.end();
  await once(peer, 'exit');
}

const m = Object.fromEntries(Object.entries(timings).map(([name, list]) => [name, median(list.slice(WARM_UP))]));
console.log(`${path}, batch ${batch} at ${size} x ${size}, all layers, ${threads} threads; medians of ${rounds} rounds\n`);
console.log('| | ms | against forward |');
console.log('|---|---:|---:|');
const row = (name: string, value: number, base: number): void => { console.log(`| ${name} | ${value.toFixed(0)} | ${(value / base).toFixed(2)} |`); };
row('forward', m.forward, m.forward);
row('forward and gradients', m.pass, m.forward);
row('training step', m.step, m.forward);
if (peer !== undefined) {
  row('PyTorch forward', m.torchForward, m.torchForward);
  row('PyTorch training step', m.torchStep, m.torchForward);
  console.log(`\nPyTorch's step takes ${(m.torchStep / m.step).toFixed(2)} times as long.`);
}
await forward.release();
await trainer.release();
