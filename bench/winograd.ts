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

type Matrix = readonly (readonly number[])[];

/** Winograd's matrices (Lavin and Gray, 2016) for tiles of `tile` x `tile` outputs. */
interface Winograd { readonly tile: number; readonly input: Matrix; readonly weight: Matrix; readonly output: Matrix }

const F2: Winograd = {
  tile: 2,
  input: [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
  weight: [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
  output: [[1, 1, 1, 0], [0, 1, -1, -1]],
};
const F4: Winograd = {
  tile: 4,
  input: [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]],
  weight: [
    [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1],
  ],
  output: [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
};

/** The product for both axes at once: row (a, b) and column (i, j) is m[a][i] * m[b][j]. */
const bothAxes = (m: Matrix): Matrix => m.flatMap((p) => m.map((q) => p.flatMap((x) => q.map((y) => x * y))));

interface Shape { readonly batch: number; readonly channels: number; readonly size: number }
type InputForm = 'convolution' | 'product';
/** Where a graph ends: after the input transform, after the products, or at the result. */
type End = 'input' | 'products' | 'output';

/** Weights [C, C, 3, 3] to [(tile + 2)^2, C, C]. */
function transformedWeights(weights: Float32Array, channels: number, { weight }: Winograd): Float32Array {
  const rows = bothAxes(weight);
  const pairs = channels * channels;
  const result = new Float32Array(rows.length * pairs);
  rows.forEach((row, t) => {
    for (let pair = 0; pair < pairs; pair++) {
      let sum = 0;
      for (let i = 0; i < 9; i++) sum += row[i] * weights[9 * pair + i];
      result[t * pairs + pair] = sum;
    }
  });
  return result;
}

/** x [N, C, H, H] to [(tile + 2)^2, C, N * tiles], by a convolution with stride `tile` of each channel. */
function inputByConvolution(b: GraphBuilder, x: Value, { batch, channels, size }: Shape, { tile, input }: Winograd): Value {
  const side = tile + 2;
  const tiles = Math.ceil(size / tile);
  const after = tiles * tile + 1 - size;
  const rows = bothAxes(input);
  const image = b.reshape(x, [batch * channels, 1, size, size]);
  const weights = b.floats(rows.flat(), [rows.length, 1, side, side]);
  const transformed = b.conv(image, weights, { strides: [tile, tile], pads: [1, 1, after, after] });
  const sorted = b.transpose(b.reshape(transformed, [batch, channels, side * side, tiles * tiles]), [2, 1, 0, 3]);
  return b.reshape(sorted, [side * side, channels, batch * tiles * tiles]);
}

/** The same by one matrix product: pixels of the same place in a tile make a row, and a tile takes rows of up to four such grids. */
function inputByProduct(b: GraphBuilder, x: Value, { batch, channels, size }: Shape, { tile, input }: Winograd): Value {
  const side = tile + 2;
  const tiles = Math.ceil(size / tile);
  const after = (tiles + 1) * tile - 1 - size;
  const padded = b.pad(x, b.ints([0, 0, 1, 1, 0, 0, after, after]));
  const grids = b.transpose(b.reshape(padded, [batch, channels, tiles + 1, tile, tiles + 1, tile]), [3, 5, 1, 0, 2, 4]);
  const rows: Value[] = [];
  const order: number[] = [];
  for (const [down, right] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
    const [height, width] = [down, right].map((shift) => (shift === 0 ? tile : 2));
    const part = b.slice(grids, b.ints([0, 0, down, right]), b.ints([height, width, down + tiles, right + tiles]), [0, 1, 4, 5]);
    rows.push(b.reshape(part, [height * width, channels * batch * tiles * tiles]));
    for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) order.push((down * tile + i) * side + right * tile + j);
  }
  const matrix = bothAxes(input).flatMap((row) => order.map((column) => row[column]));
  const transformed = b.matmul(b.floats(matrix, [side * side, side * side]), b.concat(rows, 0));
  return b.reshape(transformed, [side * side, channels, batch * tiles * tiles]);
}

/** Products [(tile + 2)^2, C, N * tiles] to [N, C, H, H]. */
function outputOf(b: GraphBuilder, products: Value, { batch, channels, size }: Shape, { tile, output }: Winograd): Value {
  const side = tile + 2;
  const tiles = Math.ceil(size / tile);
  const rows = bothAxes(output);
  const pixels = b.matmul(b.floats(rows.flat(), [rows.length, side * side]), b.reshape(products, [side * side, channels * batch * tiles * tiles]));
  const image = b.transpose(b.reshape(pixels, [tile, tile, channels, batch, tiles, tiles]), [3, 2, 4, 0, 5, 1]);
  const whole = b.reshape(image, [batch, channels, tiles * tile, tiles * tile]);
  return tiles * tile === size ? whole : b.slice(whole, b.ints([0, 0]), b.ints([size, size]), [2, 3]);
}

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
    const shape: Shape = { batch, channels, size };
    const dims = [batch, channels, size, size];
    // As after a ReLU: half of the values are zero.
    const data = Float32Array.from({ length: batch * channels * size * size }, () => Math.max(0, 2 * random() - 1));
    const direct = (count: number) => (b: GraphBuilder, x: Value): Value => {
      const weight = b.floats(weights, [channels, channels, 3, 3]);
      for (let i = 0; i < count; i++) x = b.conv(x, weight, { pads: [1, 1, 1, 1] });
      return x;
    };
    const winograd = (kind: Winograd, form: InputForm, end: End) => (b: GraphBuilder, x: Value): Value => {
      const input = (form === 'convolution' ? inputByConvolution : inputByProduct)(b, x, shape, kind);
      if (end === 'input') return first(b, input);
      const products = b.matmul(b.floats(transformedWeights(weights, channels, kind), [(kind.tile + 2) ** 2, channels, channels]), input);
      return end === 'products' ? first(b, products) : outputOf(b, products, shape, kind);
    };
    const ends: readonly End[] = data.length > MAX_VALUES ? ['output'] : ['input', 'products', 'output'];
    const forms = [F2, F4].flatMap((kind) => (['convolution', 'product'] as const).map((form) => ({ kind, form })));
    const sides = [
      { dims: [SIDE, SIDE], build: (b: GraphBuilder, x: Value): Value => b.matmul(x, b.floats(Float32Array.from({ length: SIDE * SIDE }, random), [SIDE, SIDE])) },
      { dims, build: direct(CHAIN) },
      { dims, build: direct(1) },
      ...forms.flatMap(({ kind, form }) => ends.map((end) => ({ dims, build: winograd(kind, form, end) }))),
    ];
    const square = Float32Array.from({ length: SIDE * SIDE }, random);
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
