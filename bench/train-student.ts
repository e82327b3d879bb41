/**
 * The cost of training a segmentation student, against PyTorch's training of the same network in the same run: a view of a photograph
 * through the frozen layers (once per view, as features are cached on both sides), and a training step with the optimiser's update.
 * On a busy machine, start it with OMP_WAIT_POLICY=PASSIVE: otherwise PyTorch's threads wait actively for those that are not running.
 * Medians of alternating rounds, and what a whole training of so many photographs takes by them; beside it the ratios of processor time
 * and of the fastest rounds, on which other programs have less influence.
 *
 *     npm run bench -- train-student [BACKBONE] --python python3 [--batch 8] [--rounds 9] [--threads 2] [--photos 2000] [--epochs 6]
 *
 * PyTorch's side is bench/train_student_torch.py: the same ONNX graphs as plain torch operators, torch.optim.AdamW. Both begin with the
 * same weights and the same numbers as features, and their losses are compared.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { NetworkGraph } from '../src/classifier/network.js';
import { mergeSpecs, specSources } from '../src/classifier/spec.js';
import { VOC } from '../src/datasets/classes/voc.js';
import { readModel } from '../src/onnx/file/read.js';
import { serializeModel } from '../src/onnx/file/write.js';
import type { OnnxModel } from '../src/onnx/model.js';
import { ancestors } from '../src/onnx/model.js';
import { DataType, sizeOf } from '../src/onnx/tensor.js';
import { defaultModelPath } from '../src/package.js';
import { randomSequence } from '../src/random.js';
import { ortRuntime } from '../src/runtime/ort/ort.js';
import { ofMode, trainSchema } from '../src/settings/train.js';
import { STUDENT_LOGITS } from '../src/student/spec.js';
import { buildStudent, studentParameters } from '../src/train/segment/decoder.js';
import { ABSENT, cachedTensors, segmentBatches } from '../src/train/segment/pass.js';
import { stagesOf } from '../src/train/segment/stages.js';
import { CELL } from '../src/train/segment/targets.js';
import { Trainer } from '../src/train/trainer.js';
import { median } from './median.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    batch: { type: 'string', default: '8' }, rounds: { type: 'string', default: '9' }, threads: { type: 'string', default: '2' },
    photos: { type: 'string', default: '2000' }, epochs: { type: 'string', default: '6' }, python: { type: 'string' },
  },
});
if (values.python === undefined) throw new Error('name a Python with torch, onnx and numpy: --python FILE');
const [batch, rounds, threads, photos, epochs] = [values.batch, values.rounds, values.threads, values.photos, values.epochs].map(Number);
const path = positionals[0] ?? defaultModelPath();
const { optimiser, momentum, weightDecay, rate, topRate, viewSize } = ofMode(trainSchema.parse({}), 'segment');

const backbone = await readModel(path);
const spec = mergeSpecs(await specSources(backbone, path, {}));
const network = new NetworkGraph(backbone, spec.logits ?? backbone.graph.outputs[0].name);
const { laterals, frozen } = stagesOf(network);
const start = buildStudent(network, laterals.map((layer) => ({ layer, deviation: 1 })), VOC.labelCount, 0, new Map());
const student = new NetworkGraph(start, STUDENT_LOGITS, viewSize);
const cached = cachedTensors(student, frozen.name, viewSize);
const parameters = studentParameters(student, frozen);
const grid = [viewSize[0] / CELL, viewSize[1] / CELL] as const;

/** The part of the student that makes some tensors from others. */
function part(outputs: readonly string[], inputs: readonly { readonly name: string; readonly dims: readonly number[] }[]): OnnxModel {
  const below = new Set(ancestors(start.graph.nodes, inputs.map(({ name }) => name)));
  const nodes = ancestors(start.graph.nodes, outputs).filter((node) => !below.has(node));
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const float = (name: string, shape?: readonly (string | number)[]) => ({ name, type: DataType.float32, shape });
  return {
    ...start, metadata: new Map(),
    graph: {
      ...start.graph, nodes, initializers: new Map([...start.graph.initializers].filter(([name]) => used.has(name))),
      inputs: inputs.map(({ name, dims }) => float(name, ['N', ...dims])), outputs: outputs.map((name) => float(name)),
    },
  };
}

const image = { name: network.input.name, dims: [3, ...viewSize] };
const lower = part(cached.map(({ name }) => name), [image]);
const upper = part([STUDENT_LOGITS], cached);

const random = randomSequence(1);
const numbers = (length: number, next: () => number): Float32Array => Float32Array.from({ length }, next);
const pixels = numbers(sizeOf(image.dims), () => 2 * random() - 1);
const cells = grid[0] * grid[1];
/** A photograph has the background and two classes; a cell has one label. */
const own = Array.from({ length: batch }, (_, i) => [0, 1 + i % 20, 1 + (7 * i + 3) % 20]);
const targets = new Float32Array(batch * VOC.labelCount * cells);
const present = new Float32Array(batch * VOC.labelCount).fill(ABSENT);
own.forEach((labels, i) => {
  for (const label of labels) present[i * VOC.labelCount + label] = 0;
  for (let cell = 0; cell < cells; cell++) targets[(i * VOC.labelCount + labels[Math.floor(3 * random())]) * cells + cell] = 1 / (batch * cells);
});

// As training computes features: a photograph in each thread. PyTorch has these photographs as a batch.
const sessions = await Promise.all(Array.from({ length: threads }, () => ortRuntime.load(serializeModel(lower), { threads: 1, steady: true })));
const viewsOf = () => Promise.all(sessions.map((session) => session.run({ [image.name]: { type: 'float32', dims: [1, ...image.dims], data: pixels } })));
const features = cached.map(({ dims }) => numbers(batch * sizeOf(dims), () => 2 * random() - 1));
const trainer = await Trainer.of(start, parameters, [segmentBatches(student, parameters, cached, VOC.labelCount, grid)], {
  batchSize: batch, threads, optimiser, momentum, weightDecay, headRate: 1, restRate: topRate / rate, average: false,
});

const folder = mkdtempSync(join(tmpdir(), 'train-student-'));
const write = (name: string, data: Float32Array | Uint8Array): void => { writeFileSync(join(folder, name), data); };
write('lower.onnx', serializeModel(lower));
write('upper.onnx', serializeModel(upper));
write('view.f32', pixels);
features.forEach((data, i) => { write(`feature${i}.f32`, data); });
write('targets.f32', targets);
write('present.f32', present);
writeFileSync(join(folder, 'task.json'), JSON.stringify({
  batch, threads, image: image.dims, features: cached, labels: VOC.labelCount, grid, weightDecay,
  parameters: parameters.map(({ name, head }) => ({ name, head })),
}));
const peer = spawn(values.python, [resolve('bench/train_student_torch.py'), folder], { stdio: ['pipe', 'pipe', 'inherit'] });
const answers = createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
await answers.next();

/** Threads that have worked wait actively for more; they would take time from those that are measured next. */
const pause = (): Promise<void> => setTimeout(100);
/** Rounds before those that count. */
const WARM_UP = 2;
interface Cost { readonly wall: number; readonly cpu: number }
const costs = { view: [] as Cost[], step: [] as Cost[], torchView: [] as Cost[], torchStep: [] as Cost[] };
const losses = { ours: NaN, torch: NaN };

/** Milliseconds of an action, and of the processors during it. */
async function costOf(action: () => Promise<unknown>): Promise<Cost> {
  await pause();
  const [begin, used] = [performance.now(), process.cpuUsage()];
  await action();
  const { user, system } = process.cpuUsage(used);
  return { wall: performance.now() - begin, cpu: (user + system) / 1000 };
}

for (let round = 0; round < WARM_UP + rounds; round++) {
  const view = await costOf(viewsOf);
  const step = await costOf(async () => {
    losses.ours = await trainer.passOf(0, [...features, targets, present]);
    // A rate of zero keeps both sides at the same weights.
    await trainer.update(0);
  });
  await pause();
  peer.stdin.write('round\n');
  const answer = JSON.parse((await answers.next()).value as string) as { view: Cost; step: Cost; loss: number };
  losses.torch = answer.loss;
  if (round < WARM_UP) continue;
  costs.view.push(view);
  costs.step.push(step);
  costs.torchView.push(answer.view);
  costs.torchStep.push(answer.step);
}
peer.stdin.end();
await Promise.all(sessions.map((session) => session.release()));
await trainer.release();
rmSync(folder, { recursive: true });
if (!(Math.abs(losses.ours - losses.torch) < 1e-4 * losses.torch)) throw new Error(`the losses differ: ${losses.ours} and ${losses.torch}`);

type Kind = keyof typeof costs;
/** A time of each kind, chosen from its rounds. */
const chosen = (choose: (times: number[]) => number, time: keyof Cost): Record<Kind, number> => (
  Object.fromEntries(Object.entries(costs).map(([kind, list]) => [kind, choose(list.map((cost) => cost[time]))])) as Record<Kind, number>);
const typical = chosen(median, 'wall');
const others = [typical, chosen(median, 'cpu'), chosen((times) => Math.min(...times), 'wall')];
/** Two views of each photograph, and the steps of all epochs, in minutes. */
const whole = (view: number, step: number): number => (2 * photos * view / threads + epochs * Math.floor(photos / batch) * step) / 60_000;
console.log(`${path}, batch ${batch} at ${viewSize.join(' x ')}, ${threads} threads; medians of ${rounds} rounds; both losses ${losses.ours.toFixed(4)}\n`);
console.log('| | ours | PyTorch | ratio | of processor time | of the fastest rounds |');
console.log('|---|---:|---:|---:|---:|---:|');
const row = (name: string, unit: string, sides: (times: Record<Kind, number>) => readonly [ours: number, torch: number]): void => {
  const digits = unit === 'min' ? 1 : 0;
  const [ours, torch] = sides(typical);
  const ratios = others.map((times) => sides(times)).map(([a, b]) => (a / b).toFixed(2));
  console.log(`| ${name} | ${ours.toFixed(digits)} ${unit} | ${torch.toFixed(digits)} ${unit} | ${ratios.join(' | ')} |`);
};
row('a view through the frozen layers', 'ms', ({ view, torchView }) => [view / threads, torchView / threads]);
row('a training step', 'ms', ({ step, torchStep }) => [step, torchStep]);
row(`${photos} photographs, ${epochs} epochs`, 'min', ({ view, step, torchView, torchStep }) => [whole(view, step), whole(torchView, torchStep)]);
