/**
 * LayerCAM against PyTorch's: three layers of a network at one or two classes, from the tensor of a photograph to fused
 * maps at its size, same weights, same image, same number of threads, in one run with alternating rounds. And how much of
 * the machine's matrix-multiply peak our program reaches.
 *
 *     npm run bench -- layercam --python python3 [NETWORK ...] [--size 448] [--rounds 7] [--threads 2]
 *
 * Networks: vgg16, resnet50, mobilenet_v1 (all unless named); PyTorch's side, bench/layercam_torch.py, makes them with
 * random weights (it needs torch, torchvision and onnx, and takes pytorch-grad-cam along where it is installed).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { ClassifierGraph } from '../src/classifier/classifier.js';
import { DEFAULT_FUSION, FusedMaps } from '../src/maps/fusion.js';
import { mapsToArray } from '../src/maps/map-rows.js';
import { openCam, prepareCam } from '../src/cam/plan.js';
import { GraphBuilder } from '../src/onnx/builder.js';
import { inferShapes } from '../src/onnx/shapes/infer.js';
import type { OnnxGraph } from '../src/onnx/model.js';
import { readModel } from '../src/onnx/file/read.js';
import { DataType } from '../src/onnx/tensor.js';
import { serializeModel } from '../src/onnx/file/write.js';
import { channelBlock } from '../src/runtime/blocked/channel-block.js';
import { ortRuntime } from '../src/runtime/ort/ort.js';
import { randomSequence } from '../src/random.js';
import { median } from './median.js';

const LAYERS: Readonly<Record<string, readonly string[]>> = {
  vgg16: ['/4', '/8', '/16'], resnet50: ['/8', '/16', '/32'], mobilenet_v1: ['/8', '/16', '/32'],
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string', default: '448' }, rounds: { type: 'string', default: '7' }, threads: { type: 'string', default: '2' }, python: { type: 'string' },
  },
});
if (values.python === undefined) throw new Error('name a Python with torch, torchvision and onnx: --python python3');
const [size, rounds, threads] = [values.size, values.rounds, values.threads].map(Number);
const folder = await mkdtemp(join(tmpdir(), 'voc-seeds-bench-'));
const random = randomSequence(1);
const image = Float32Array.from({ length: 3 * size * size }, () => 2 * random() - 1);
await writeFile(join(folder, 'image.f32'), new Uint8Array(image.buffer));

/** Multiplications of all convolutions and matrix products among the nodes, at one image of the size. */
function multiplications(graph: OnnxGraph, input: string, from?: string): number {
  const shapes = inferShapes(graph, new Map([[input, [1, 3, size, size]]]));
  const start = from === undefined ? 0 : graph.nodes.findIndex(({ outputs }) => outputs.includes(from)) + 1;
  return graph.nodes.slice(start).reduce((sum, { op, inputs, outputs }) => {
    if (op !== 'Conv' && op !== 'Gemm') return sum;
    const weight = graph.initializers.get(inputs[1])!.dims;
    const result = shapes.get(outputs[0])!.dims.reduce((product, dim) => product * dim, 1);
    return sum + result * (op === 'Conv' ? weight.slice(1).reduce((product, dim) => product * dim, 1) : shapes.get(inputs[0])!.dims[1]);
  }, 0);
}

/** Multiplications per millisecond of a large matrix product. */
async function peak(): Promise<number> {
  const side = 1536;
  const b = new GraphBuilder({ nodes: [], initializers: new Map(), inputs: [] });
  const left = b.reserve('left');
  b.alias(b.matmul(left, b.floats(Float32Array.from({ length: side * side }, random), [side, side])), 'product');
  const session = await ortRuntime.load(serializeModel({
    ...(await readModel(join(folder, `${positionals[0] ?? 'vgg16'}.onnx`))), metadata: new Map(),
    graph: {
      name: 'peak', nodes: b.nodes, initializers: b.initializers,
      inputs: [{ name: left, type: DataType.float32, shape: [side, side] }], outputs: [{ name: 'product', type: DataType.float32, shape: [side, side] }],
    },
  }), { threads, steady: true });
  const feed = { [left]: { type: 'float32' as const, dims: [side, side], data: Float32Array.from({ length: side * side }, random) } };
  const times: number[] = [];
  for (let i = 0; i < 8; i++) {
    const begin = performance.now();
    await session.run(feed);
    times.push(performance.now() - begin);
  }
  await session.release();
  return side ** 3 / Math.min(...times);
}

console.log(`${size} x ${size}, ${threads} threads each, medians of ${rounds} alternating rounds, ms\n`);
console.log('| network | classes | ours | pytorch-grad-cam, a call per class | PyTorch, one forward pass | PyTorch, from the shallowest layer | times faster | largest difference of the maps |');
console.log('|---|---:|---:|---:|---:|---:|---:|---:|');
const notes: string[] = [];
for (const name of positionals.length > 0 ? positionals : Object.keys(LAYERS)) {
  const peer = spawn(values.python, [resolve('bench/layercam_torch.py'), name, String(size), String(threads), folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
  await answers.next();
  const classifier = new ClassifierGraph(await readModel(join(folder, `${name}.onnx`)), 'logits');
  const layers = classifier.resolveLayers(LAYERS[name]);
  const plan = prepareCam(classifier, layers.map((layer) => ({ layer, method: 'layer-cam' })), { block: await channelBlock(ortRuntime) });
  const cam = await openCam(plan, ortRuntime, { threads, steady: true });
  for (const classes of [1, 2]) {
    const times = { ours: [] as number[], package: [] as number[], usual: [] as number[], careful: [] as number[] };
    let difference = 0;
    for (let round = -1; round < rounds; round++) {
      const begin = performance.now();
      const { maps } = await cam.run(image, [size, size], Array.from({ length: classes }, (_, k) => k));
      const fused = mapsToArray(new FusedMaps(maps, classes, [size, size], DEFAULT_FUSION));
      const ours = performance.now() - begin;
      peer.stdin.write(`${classes}\n`);
      const theirs = JSON.parse((await answers.next()).value as string) as { package?: number; usual: number; careful: number };
      if (round < 0) {
        const reference = new Float32Array((await readFile(join(folder, `${name}.f32`))).buffer);
        fused.forEach((value, i) => { difference = Math.max(difference, Math.abs(value - reference[i])); });
        continue;
      }
      times.ours.push(ours);
      times.package.push(theirs.package ?? NaN);
      times.usual.push(theirs.usual);
      times.careful.push(theirs.careful);
    }
    const ours = median(times.ours);
    const theirs = [times.package, times.usual, times.careful].map(median);
    const faster = theirs.map((time) => (time / ours).toFixed(2)).join(' / ');
    console.log(`| ${[name, classes, ...[ours, ...theirs].map((time) => time.toFixed(0)), faster, difference.toExponential(1)].join(' | ')} |`);
    if (name === 'vgg16') {
      const { graph } = classifier.model;
      const count = multiplications(graph, classifier.input.name) + classes * multiplications(graph, classifier.input.name, layers[0].name);
      const share = count / ours / await peak();
      notes.push(`${name}, ${classes} class${classes > 1 ? 'es' : ''}: ${(2 * count / 1e9).toFixed(0)} GFLOP in ${ours.toFixed(0)} ms, ${(100 * share).toFixed(0)} % of the peak of a large matrix product`);
    }
  }
  await cam.release();
  peer.stdin.end();
  await once(peer, 'exit');
}
console.log(`\n${notes.join('\n')}`);
await rm(folder, { recursive: true });
