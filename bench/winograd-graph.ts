import type { GraphBuilder, Value } from '../src/onnx/builder.js';

type Matrix = readonly (readonly number[])[];

/** Winograd's matrices (Lavin and Gray, 2016) for tiles of `tile` x `tile` outputs. */
export interface Winograd { readonly tile: number; readonly input: Matrix; readonly weight: Matrix; readonly output: Matrix }

export const F2: Winograd = {
  tile: 2,
  input: [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
  weight: [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
  output: [[1, 1, 1, 0], [0, 1, -1, -1]],
};
export const F4: Winograd = {
  tile: 4,
  input: [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]],
  weight: [
    [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1],
  ],
  output: [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
};

/** The product for both axes at once: row (a, b) and column (i, j) is m[a][i] * m[b][j]. */
const bothAxes = (m: Matrix): Matrix => m.flatMap((p) => m.map((q) => p.flatMap((x) => q.map((y) => x * y))));

/** [N, C, H, W] of a convolution's input. */
export type Shape = readonly [batch: number, channels: number, height: number, width: number];

/** Weights [K, C, 3, 3] to [(tile + 2)^2, K, C]. */
export function winogradWeights(b: GraphBuilder, weights: Float32Array, [filters, channels]: readonly number[], { weight }: Winograd): Value {
  const rows = bothAxes(weight);
  const pairs = filters * channels;
  const result = new Float32Array(rows.length * pairs);
  rows.forEach((row, t) => {
    for (let pair = 0; pair < pairs; pair++) {
      let sum = 0;
      for (let i = 0; i < 9; i++) sum += row[i] * weights[9 * pair + i];
      result[t * pairs + pair] = sum;
    }
  });
  return b.floats(result, [rows.length, filters, channels]);
}

/** x [N, C, H, W] to [(tile + 2)^2, C, N * tiles], by a convolution with stride `tile` of each channel. */
export function inputByConvolution(b: GraphBuilder, x: Value, [batch, channels, height, width]: Shape, { tile, input }: Winograd): Value {
  const side = tile + 2;
  const [down, across] = [height, width].map((size) => Math.ceil(size / tile));
  const rows = bothAxes(input);
  const image = b.reshape(x, [batch * channels, 1, height, width]);
  const transformed = b.conv(image, b.floats(rows.flat(), [rows.length, 1, side, side]), {
    strides: [tile, tile], pads: [1, 1, down * tile + 1 - height, across * tile + 1 - width],
  });
  const sorted = b.transpose(b.reshape(transformed, [batch, channels, side * side, down * across]), [2, 1, 0, 3]);
  return b.reshape(sorted, [side * side, channels, batch * down * across]);
}

/** The same by one matrix product: pixels of the same place in a tile make a row, and a tile takes rows of up to four such grids. */
export function inputByProduct(b: GraphBuilder, x: Value, [batch, channels, height, width]: Shape, { tile, input }: Winograd): Value {
  const side = tile + 2;
  const [down, across] = [height, width].map((size) => Math.ceil(size / tile));
  const padded = b.pad(x, b.ints([0, 0, 1, 1, 0, 0, (down + 1) * tile - 1 - height, (across + 1) * tile - 1 - width]));
  const grids = b.transpose(b.reshape(padded, [batch, channels, down + 1, tile, across + 1, tile]), [3, 5, 1, 0, 2, 4]);
  const rows: Value[] = [];
  const order: number[] = [];
  for (const [dy, dx] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
    const [high, wide] = [dy, dx].map((shift) => (shift === 0 ? tile : 2));
    const part = b.slice(grids, b.ints([0, 0, dy, dx]), b.ints([high, wide, dy + down, dx + across]), [0, 1, 4, 5]);
    rows.push(b.reshape(part, [high * wide, channels * batch * down * across]));
    for (let i = 0; i < high; i++) for (let j = 0; j < wide; j++) order.push((dy * tile + i) * side + dx * tile + j);
  }
  const matrix = bothAxes(input).flatMap((row) => order.map((column) => row[column]));
  const transformed = b.matmul(b.floats(matrix, [side * side, side * side]), b.concat(rows, 0));
  return b.reshape(transformed, [side * side, channels, batch * down * across]);
}

/** Products [(tile + 2)^2, K, N * tiles] to [N, K, H, W], by a transposed convolution with stride `tile` of each channel. */
export function winogradOutput(b: GraphBuilder, products: Value, [batch, filters, height, width]: Shape, { tile, output }: Winograd): Value {
  const side = tile + 2;
  const [down, across] = [height, width].map((size) => Math.ceil(size / tile));
  const rows = bothAxes(output);
  const sorted = b.transpose(b.reshape(products, [side * side, filters, batch, down * across]), [2, 1, 0, 3]);
  const weights = b.floats(rows[0].flatMap((_, t) => rows.map((row) => row[t])), [side * side, 1, tile, tile]);
  const image = b.node('ConvTranspose', [b.reshape(sorted, [batch * filters, side * side, down, across]), weights], { strides: [tile, tile] });
  const whole = b.reshape(image, [batch, filters, down * tile, across * tile]);
  return down * tile === height && across * tile === width ? whole : b.slice(whole, b.ints([0, 0]), b.ints([height, width]), [2, 3]);
}
