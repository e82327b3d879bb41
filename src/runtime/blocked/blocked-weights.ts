import type { Value } from '../../onnx/builder.js';
import { intsAttribute } from '../../onnx/model.js';
import { OnnxTensor } from '../../onnx/tensor.js';
import type { BlockedGraph } from './blocked-graph.js';

/**
 * Weights [M, C, kH, kW] with input and output channels in blocks: [M / block, C / block, kH, kW, block of C, block of M]. Stored
 * weights are arranged here, with zeros for channels that fill the last block. Others must have whole blocks.
 */
export function weightsOfBoth(graph: BlockedGraph, w: string): Value {
  const { builder: b, block } = graph;
  const dims = graph.fixedDims(w)!;
  const stored = graph.stored(w);
  if (stored !== undefined) return b.constant(arrangedBoth(stored, block), 'blocks');
  const [m, c, kH, kW] = dims;
  const taps = kH * kW;
  if (taps > 1) {
    return b.reshape(b.transpose(b.reshape(graph.plain(w), [m / block, block, c / block, block, taps]), [0, 2, 4, 3, 1]), dims);
  }
  const maker = graph.maker(w);
  const swapped = maker?.op === 'Transpose' && intsAttribute(maker, 'perm')?.join() === '1,0,2,3';
  // A matrix in blocks of M is converted like a feature map with C positions; if it is stored as [C, M], with channels last.
  return swapped
    ? b.reshape(graph.node('ReorderInput', [b.reshape(graph.plain(maker.inputs[0]), [1, c, 1, m])], { channels_last: { kind: 'int', value: 1 } }), dims)
    : b.reshape(graph.node('ReorderInput', [b.reshape(graph.plain(w), [1, m, c, 1])], {}), dims);
}

/**
 * Weights [M, C, kH, kW] with output channels in blocks, [M / block, C, kH, kW, block]: for depthwise convolutions, or images with few
 * channels. See {@link weightsOfBoth}.
 */
export function weightsOfOutputs(graph: BlockedGraph, w: string): Value {
  const { builder: b } = graph;
  const dims = graph.fixedDims(w)!;
  const stored = graph.stored(w);
  if (stored !== undefined) return b.constant(arrangedOutputs(stored, graph.block), 'blocks');
  const [m, c, kH, kW] = dims;
  const maker = graph.maker(w);
  if (c === 1 && maker?.op === 'Reshape' && graph.isBlocked(maker.inputs[0])) {
    const source = graph.dims(maker.inputs[0])!;
    // A feature map is used as a kernel. In blocks, its layout is that of depthwise kernels.
    if (source[2] === kH && source[3] === kW) return b.reshape(graph.blocked(maker.inputs[0]), dims);
  }
  return b.reshape(graph.node('ReorderInput', [b.reshape(graph.plain(w), [1, m, c * kH * kW, 1])], {}), dims);
}

/** One stored number per channel, [C], with zeros for channels that fill the last block. */
export function perChannel(graph: BlockedGraph, values: Float32Array): Value {
  const all = new Float32Array(graph.wholeChannels(values.length));
  all.set(values);
  return graph.builder.floats(all);
}

function arrangedBoth(tensor: OnnxTensor, block: number): OnnxTensor {
  const [m, c, kH, kW] = tensor.dims;
  const from = tensor.toFloat32();
  const taps = kH * kW;
  const [outer, inner] = [Math.ceil(m / block), Math.ceil(c / block)];
  const to = new Float32Array(outer * inner * taps * block * block);
  if (taps === 1) {
    spreadRows(from, [m, c], to, block);
    return OnnxTensor.float32([outer * block, inner * block, kH, kW], to);
  }
  for (let o = 0; o < m; o++) {
    const place = Math.floor(o / block) * inner * taps * block * block + o % block;
    for (let i = 0; i < c; i++) {
      spread(from, (o * c + i) * taps, taps, to, place + (Math.floor(i / block) * taps * block + i % block) * block, block * block);
    }
  }
  return OnnxTensor.float32([outer * block, inner * block, kH, kW], to);
}

function arrangedOutputs(tensor: OnnxTensor, block: number): OnnxTensor {
  const [m, c, kH, kW] = tensor.dims;
  const from = tensor.toFloat32();
  const outer = Math.ceil(m / block);
  const each = c * kH * kW;
  const to = new Float32Array(outer * each * block);
  spreadRows(from, [m, each], to, block);
  return OnnxTensor.float32([outer * block, c, kH, kW], to);
}

/** Copies a matrix [rows, columns] to [rows / block, columns in whole blocks, block]. */
function spreadRows(from: Float32Array, [rows, columns]: readonly [rows: number, columns: number], to: Float32Array, block: number): void {
  const perBlock = to.length / Math.ceil(rows / block);
  const placeOf = (row: number): number => Math.floor(row / block) * perBlock + row % block;
  const fours = rows - rows % 4;
  for (let row = 0; row < fours; row += 4) spreadFour(from, row * columns, columns, to, placeOf(row), block);
  for (let row = fours; row < rows; row++) spread(from, row * columns, columns, to, placeOf(row), block);
}

// The loops have functions of their own, which are compiled after a few calls.

/** Copies `count` adjacent numbers to places `step` apart. */
function spread(from: Float32Array, start: number, count: number, to: Float32Array, place: number, step: number): void {
  for (let i = 0; i < count; i++) to[place + i * step] = from[start + i];
}

/** Copies four adjacent rows of `count` numbers to neighbours, `step` apart: twice as fast as one by one. */
function spreadFour(from: Float32Array, start: number, count: number, to: Float32Array, place: number, step: number): void {
  const [second, third, fourth] = [start + count, start + 2 * count, start + 3 * count];
  for (let i = 0, at = place; i < count; i++, at += step) {
    to[at] = from[start + i];
    to[at + 1] = from[second + i];
    to[at + 2] = from[third + i];
    to[at + 3] = from[fourth + i];
  }
}
