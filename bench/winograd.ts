/**
 * 3x3 convolutions with stride 1: ONNX Runtime's own against Winograd's F(2x2, 3x3) and F(4x4, 3x3) written as an ONNX graph,
 * at the shapes of VGG16 and ResNet50 with inputs of 448 x 448. All sides run in turn, and the table has the medians.
 *
 *     npm run bench -- winograd [CHANNELS@SIZE ...] [--rounds 7] [--threads 2] [--batches 1,2]
 *
 * There are two forms of the input transform: a convolution of each channel with stride 2 (4), or a matrix product after the
 * pixels were sorted by their place in a tile.
 */
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { GraphBuilder } from '../src/onnx/builder.js';
import type { Value } from '../src/onnx/builder.js';
import { serializeModel } from '../src/onnx/file/write.js';
import { DataType } from '../src/onnx/tensor.js';
import { randomSequence } from '../src/random.js';
import { ortRuntime } from '../src/runtime/ort/ort.js';
import type { Session } from '../src/runtime/runtime.js';
import { median } from './median.js';
import { F2, F4, inputByConvolution, inputByProduct, winogradOutput, winogradWeights } from './winograd-graph.js';
import type { Shape, Winograd } from './winograd-graph.js';

type InputForm = 'convolution' | 'product';
/** Where a graph ends: after the input transform, after the products, or at the result. */
type End = 'input' | 'products' | 'output';

/** One value of a tensor, so that graphs that end early return little. */
const first = (b: GraphBuilder, x: Value): Value => b.slice(x, b.ints([0, 0, 0]), b.ints([1, 1, 1]), [0, 1, 2]);

/** A graph from 'x' to 'y'. */
async function load(dims: readonly number[], build: (b: GraphBuilder, x: Value) => Value): Promise<Session> {
  const b = new GraphBuilder();
  const x = b.reserve('x');
  b.alias(build(b, x), 'y');
  return await ortRuntime.load(serializeModel({
    irVersion: 9, opset: 18, otherOpsets: new Map(), producer: 'voc-seeds', metadata: new Map(),
    graph: {
      name: 'winograd', nodes: b.nodes, initializers: b.initializers,
      inputs: [{ name: x, type: DataType.float32, shape: dims }], outputs: [{ name: 'y', type: DataType.float32, shape: undefined }],
    },
  }), { threads, overwrite: true });
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '7' }, threads: { type: 'string', default: '2' }, batches: { type: 'string', default: '1,2' } },
});
const [rounds, threads] = [values.rounds, values.threads].map(Number);
const shapes = positionals.length > 0 ? positionals : ['64@448', '128@224', '256@112', '512@56', '512@28', '64@112', '128@56', '256@28', '512@14'];
const random = randomSequence(1);
const SIDE = 1536;
const CHAIN = 3;
/** The parts of larger inputs are not timed: their graphs would take too much memory together. */
const MAX_VALUES = 16e6;

/** The largest difference, relative to the largest value. */
function error(values: Float32Array, reference: Float32Array): number {
  let [difference, largest] = [0, 0];
  reference.forEach((value, i) => {
    difference = Math.max(difference, Math.abs(values[i] - value));
    largest = Math.max(largest, Math.abs(value));
  });
  return difference / largest;
}

console.log(`${threads} threads, medians of ${rounds} alternating rounds. Direct: ms of one convolution within a chain of ${CHAIN}, and alone, and its share`);
console.log('of the speed of a large matrix product. Winograd: ms for the input transform, products and output transform, and times faster than direct.\n');
console.log('| shape | images | direct, ms | alone, ms | of peak | F(2x2), by convolution | by product | error | F(4x4), by convolution | by product | error |');
console.log('|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|');
for (const name of shapes) {
  const [channels, size] = name.split('@').map(Number);
  const deviation = Math.sqrt(2 / (9 * channels));
  const weights = Float32Array.from({ length: channels * channels * 9 }, () => deviation * Math.sqrt(12) * (random() - 0.5));
  for (const batch of values.batches.split(',').map(Number)) {
    const dims: Shape = [batch, channels, size, size];
    // As after a ReLU: half of the values are zero.
    const data = Float32Array.from({ length: batch * channels * size * size }, () => Math.max(0, 2 * random() - 1));
    const direct = (count: number) => (b: GraphBuilder, x: Value): Value => {
      const weight = b.floats(weights, [channels, channels, 3, 3]);
      for (let i = 0; i < count; i++) x = b.conv(x, weight, { pads: [1, 1, 1, 1] });
      return x;
    };
    const winograd = (kind: Winograd, form: InputForm, end: End) => (b: GraphBuilder, x: Value): Value => {
      const input = (form === 'convolution' ? inputByConvolution : inputByProduct)(b, x, dims, kind);
      if (end === 'input') return first(b, input);
      const products = b.matmul(winogradWeights(b, weights, [channels, channels], kind), input);
      return end === 'products' ? first(b, products) : winogradOutput(b, products, dims, kind);
    };
    const ends: readonly End[] = data.length > MAX_VALUES ? ['output'] : ['input', 'products', 'output'];
    const forms = [F2, F4].flatMap((kind) => (['convolution', 'product'] as const).map((form) => ({ kind, form })));
    const square = Float32Array.from({ length: SIDE * SIDE }, random);
    const sides = [
      { dims: [SIDE, SIDE], build: (b: GraphBuilder, x: Value): Value => b.matmul(x, b.floats(square, [SIDE, SIDE])) },
      { dims, build: direct(CHAIN) },
      { dims, build: direct(1) },
      ...forms.flatMap(({ kind, form }) => ends.map((end) => ({ dims, build: winograd(kind, form, end) }))),
    ];
    const sessions = await Promise.all(sides.map(async (side) => await load(side.dims, side.build)));
    const times = sides.map((): number[] => []);
    const results: Float32Array[] = [];
    for (let round = -1; round < rounds; round++) {
      for (const [i, session] of sessions.entries()) {
        const feed = { x: { type: 'float32' as const, dims: sides[i].dims, data: i === 0 ? square : data } };
        await setTimeout(2);
        const begin = performance.now();
        const { y } = await session.run(feed);
        if (round >= 0) times[i].push(performance.now() - begin);
        else results.push(y.data as Float32Array);
      }
    }
    for (const session of sessions) await session.release();
    const [peak, chain, alone, ...rest] = times.map(median);
    const each = chain / CHAIN;
    const share = (9 * batch * channels ** 2 * size ** 2 / each) / (SIDE ** 3 / peak);
    const cells = forms.map((_, i) => {
      const ms = rest.slice(ends.length * i, ends.length * (i + 1));
      const parts = ms.map((time, part) => (time - (part === 0 ? 0 : ms[part - 1])).toFixed(1));
      return `${parts.join(' + ')}: ${(each / ms[ms.length - 1]).toFixed(2)}`;
    });
    const errors = forms.map((_, i) => error(results[2 + ends.length * (i + 1)], results[2]));
    const worst = [0, 2].map((i) => Math.max(errors[i], errors[i + 1]).toExponential(1));
    console.log(`| ${[
      name, batch, each.toFixed(1), alone.toFixed(1), `${(100 * share).toFixed(0)} %`, cells[0], cells[1], worst[0], cells[2], cells[3], worst[1],
    ].join(' | ')} |`);
  }
}
