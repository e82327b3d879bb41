import type { GraphBuilder } from '../../onnx/builder.js';
import type { Attribute, OnnxNode } from '../../onnx/model.js';
import { intAttribute, intsAttribute } from '../../onnx/model.js';
import { OnnxTensor } from '../../onnx/tensor.js';

/** The windows of a dilated pool; `pads` is [top, left, bottom, right]. */
export interface PoolWindows {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
}

/** The padding value for a maximum: the lowest float32. */
const LOWEST = -3.4028234663852886e38;

/** Makes attributes from lists of integers. */
export function intLists(lists: Readonly<Record<string, readonly number[]>>): Record<string, Attribute> {
  return Object.fromEntries(Object.entries(lists).map(([name, value]) => [name, { kind: 'ints', value }]));
}

/**
 * Adds a MaxPool with other windows. ONNX Runtime refuses pools whose padding is not smaller than their undilated kernel. These
 * get their padding from a Pad node.
 *
 * @param node the pool, without the attributes in `windows`
 */
export function addMaxPool(b: GraphBuilder, node: OnnxNode, windows: PoolWindows): void {
  const kernel = intsAttribute(node, 'kernel_shape') ?? [];
  const { pads } = windows;
  const inPool = pads.every((pad, i) => pad < kernel[i % 2]);
  const [x] = node.inputs;
  const input = inPool ? x : b.node('Pad', [x, b.ints([0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]]), b.floats(LOWEST)], { mode: 'constant' });
  const attributes = intLists({ ...windows, pads: inPool ? pads : [0, 0, 0, 0] });
  b.nodes.push({ ...node, inputs: [input], attributes: { ...node.attributes, ...attributes } });
}

/**
 * Adds an AveragePool with other windows. Before operator set 19 it has no dilation, so a dilated one becomes a depthwise
 * convolution. If padding is not counted, the result is divided by the share of the window inside the map.
 *
 * @param node the pool, without the attributes in `windows`
 * @param channels of its input
 * @param wasPadded whether it had padding before; if not, count_include_pad is ignored
 */
export function addAveragePool(b: GraphBuilder, node: OnnxNode, windows: PoolWindows, channels: number, wasPadded: boolean): void {
  const counted = wasPadded && intAttribute(node, 'count_include_pad', 0) === 1;
  const { strides, dilations, pads } = windows;
  if (dilations.every((dilation) => dilation === 1)) {
    const attributes = { ...node.attributes, ...intLists({ strides, pads }), count_include_pad: int(Number(counted)) };
    b.nodes.push({ ...node, attributes });
    return;
  }
  const kernel = intsAttribute(node, 'kernel_shape') ?? [];
  const area = kernel[0] * kernel[1];
  const mean = (count: number): string => (
    b.constant(OnnxTensor.float32([count, 1, ...kernel], new Float32Array(count * area).fill(1 / area)), 'mean'));
  const [x] = node.inputs;
  if (counted || pads.every((pad) => pad === 0)) {
    const attributes = { ...intLists({ ...windows, kernel_shape: kernel }), group: int(channels) };
    b.nodes.push({ ...node, op: 'Conv', inputs: [x, mean(channels)], attributes });
    return;
  }
  const ones = b.fill(b.concat([b.ints([1, 1]), b.shape(x, 2, 4)], 0), 1);
  const share = b.conv(ones, mean(1), windows);
  b.nodes.push({ ...node, op: 'Div', inputs: [b.conv(x, mean(channels), { ...windows, group: channels }), share], attributes: {} });
}

function int(value: number): Attribute {
  return { kind: 'int', value };
}
