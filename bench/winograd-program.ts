/**
 * A LayerCAM program with its 3x3 convolutions computed by Winograd's F(4x4, 3x3) or F(2x2, 3x3), against the program as it is:
 * how much faster, and how far the maps differ. Both sides run in turn.
 *
 *     npm run bench -- winograd-program MODEL.onnx [--layers /4,/8,/16] [--channels 256] [--tile 4] [--size 448] [--rounds 7] [--threads 2]
 *
 * `--channels`: only convolutions with at least so many channels, in and out.
 */
import { parseArgs } from 'node:util';
import { buildCamGraph, CAM_CLASSES, camOutput } from '../src/cam/gradient-graph.js';
import { graphRequest } from '../src/cam/plan.js';
import { ClassifierGraph } from '../src/classifier/classifier.js';
import { GraphBuilder } from '../src/onnx/builder.js';
import { readModel } from '../src/onnx/file/read.js';
import { serializeModel } from '../src/onnx/file/write.js';
import type { OnnxModel } from '../src/onnx/model.js';
import { intAttribute, intsAttribute } from '../src/onnx/model.js';
import { DataType } from '../src/onnx/tensor.js';
import { randomSequence } from '../src/random.js';
import { ortRuntime } from '../src/runtime/ort/ort.js';
import type { RuntimeTensor } from '../src/runtime/runtime.js';
import { median } from './median.js';
import { F2, F4, inputByConvolution, winogradOutput, winogradWeights } from './winograd-graph.js';
import type { Shape } from './winograd-graph.js';

const { values, positionals: [path] } = parseArgs({
  allowPositionals: true,
  options: {
    layers: { type: 'string', default: '/4,/8,/16' }, channels: { type: 'string', default: '256' }, size: { type: 'string', default: '448' },
    tile: { type: 'string', default: '4' }, rounds: { type: 'string', default: '7' }, threads: { type: 'string', default: '2' },
  },
});
const [least, size, rounds, threads] = [values.channels, values.size, values.rounds, values.threads].map(Number);
const kind = values.tile === '2' ? F2 : F4;

type Feeds = Readonly<Record<string, RuntimeTensor>>;

/** The shapes of all inputs of convolutions, which are found by a run. */
async function shapesOf(model: OnnxModel, feeds: Feeds): Promise<ReadonlyMap<string, Shape>> {
  const names = new Set(model.graph.nodes.filter(({ op }) => op === 'Conv').map(({ inputs }) => inputs[0]));
  for (const { name } of model.graph.inputs) names.delete(name);
  const outputs = [...names].map((name) => ({ name, type: DataType.float32, shape: undefined }));
  await using session = await ortRuntime.load(serializeModel({ ...model, graph: { ...model.graph, outputs } }), { threads });
  return new Map(Object.entries(await session.run(feeds)).map(([name, { dims }]) => [name, dims as unknown as Shape]));
}

/** The program for one input size and number of classes with some of its convolutions replaced, and how many. */
function withWinograd(model: OnnxModel, shapes: ReadonlyMap<string, Shape>): [OnnxModel, number] {
  const { graph } = model;
  const b = new GraphBuilder({ ...graph, nodes: [] });
  for (const node of graph.nodes) for (const name of node.outputs) if (name !== '') b.reserve(name);
  let count = 0;
  for (const node of graph.nodes) {
    const weights = node.op === 'Conv' ? graph.initializers.get(node.inputs[1]) : undefined;
    const all = (name: string, value: number): boolean => (intsAttribute(node, name) ?? [1]).every((own) => own === value);
    const [filters, channels, ...kernel] = weights?.dims ?? [];
    const fits = weights !== undefined && kernel.every((side) => side === 3) && intAttribute(node, 'group', 1) === 1
      && all('strides', 1) && all('dilations', 1) && all('pads', 1) && Math.min(filters, channels) >= least;
    if (!fits) {
      b.nodes.push(node);
      continue;
    }
    count++;
    const x = shapes.get(node.inputs[0])!;
    const products = b.matmul(winogradWeights(b, weights.toFloat32(), weights.dims, kind), inputByConvolution(b, node.inputs[0], x, kind));
    const y = winogradOutput(b, products, [x[0], filters, x[2], x[3]], kind);
    const parts = node.inputs.length > 2 ? { op: 'Add', inputs: [y, b.reshape(node.inputs[2], [1, filters, 1, 1])] } : { op: 'Identity', inputs: [y] };
    b.nodes.push({ name: `winograd/${node.outputs[0]}`, domain: '', outputs: node.outputs, attributes: {}, ...parts });
  }
  return [{ ...model, graph: { ...graph, nodes: b.nodes, initializers: b.initializers } }, count];
}

const classifier = new ClassifierGraph(await readModel(path), 'logits');
const layers = classifier.resolveLayers(values.layers.split(','));
const program = buildCamGraph(classifier, layers.map((layer) => graphRequest({ layer, method: 'layer-cam' }, undefined)), 'logit', {});
const random = randomSequence(1);
const image = Float32Array.from({ length: 3 * size * size }, () => 2 * random() - 1);
console.log(`${size} x ${size}, ${threads} threads, medians of ${rounds} alternating rounds, ms\n`);
console.log('| classes | replaced | program | with Winograd | times faster | difference of each map, relative to its largest value: largest (mean) |');
console.log('|---:|---:|---:|---:|---:|---|');
for (const classes of [1, 2]) {
  const feeds: Feeds = {
    [classifier.input.name]: { type: 'float32', dims: [1, 3, size, size], data: image },
    [CAM_CLASSES]: { type: 'int64', dims: [classes], data: BigInt64Array.from({ length: classes }, (_, k) => BigInt(k)) },
  };
  const [changed, count] = withWinograd(program, await shapesOf(program, feeds));
  const sessions = await Promise.all([program, changed].map(async (model) => await ortRuntime.load(serializeModel(model), { threads })));
  const times: [number[], number[]] = [[], []];
  const maps: Float32Array[][] = [];
  for (let round = -1; round < rounds; round++) {
    for (const [side, session] of sessions.entries()) {
      const begin = performance.now();
      const results = await session.run(feeds);
      if (round >= 0) times[side].push(performance.now() - begin);
      else maps.push(layers.map((_, i) => results[camOutput(i)].data as Float32Array));
    }
  }
  for (const session of sessions) await session.release();
  const differences = maps[0].map((map, i) => {
    const largest = map.reduce((a, c) => Math.max(a, c), 0);
    const all = Array.from(map, (value, at) => Math.abs(value - maps[1][i][at]) / largest);
    return `${all.reduce((a, c) => Math.max(a, c), 0).toExponential(1)} (${(all.reduce((a, c) => a + c, 0) / all.length).toExponential(1)})`;
  });
  const [ours, other] = times.map(median);
  const cells = [classes, count, ours.toFixed(0), other.toFixed(0), (ours / other).toFixed(2), differences.join(', ')];
  console.log(`| ${cells.join(' | ')} |`);
}
