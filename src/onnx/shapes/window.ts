import { UserError } from '../../errors.js';
import type { OnnxNode } from '../model.js';
import { describeNode, intAttribute, intsAttribute, stringAttribute } from '../model.js';

/** The sliding window of a convolution or a pool along one axis, with all defaults filled in. */
export interface WindowAxis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** The extent of the dilated kernel: dilation * (kernel - 1) + 1. */
  readonly span: number;
  /** Padding before and after, or 'SAME_UPPER' / 'SAME_LOWER' if it depends on the input size. */
  readonly pads: readonly [before: number, after: number] | 'SAME_UPPER' | 'SAME_LOWER';
}

/**
 * The two spatial axes of a Conv or pooling node.
 *
 * @param kernelShape [kH, kW]
 * @throws UserError if the node is not two-dimensional
 */
export function windowAxes(node: OnnxNode, kernelShape: readonly number[]): readonly [WindowAxis, WindowAxis] {
  const axes = allWindowAxes(node, kernelShape);
  if (axes.length !== 2) throw new UserError(`${describeNode(node)} has ${axes.length} spatial axes, but images have 2`);
  return [axes[0], axes[1]];
}

/**
 * The spatial axes of a Conv or pooling node with any number of them.
 *
 * @throws UserError if its attributes do not match
 */
export function allWindowAxes(node: OnnxNode, kernelShape: readonly number[]): WindowAxis[] {
  const rank = kernelShape.length;
  const strides = positive(node, 'strides', rank);
  const dilations = positive(node, 'dilations', rank);
  const pads = nonEmpty(intsAttribute(node, 'pads')) ?? Array<number>(2 * rank).fill(0);
  if (pads.length !== 2 * rank) throw new UserError(`${describeNode(node)} has ${pads.length} paddings for ${rank} axes`);
  if (kernelShape.some((size) => size < 1)) throw new UserError(`${describeNode(node)} has a kernel of ${kernelShape.join('x')}`);
  const autoPad = stringAttribute(node, 'auto_pad', 'NOTSET');
  return kernelShape.map((kernel, i) => {
    const [stride, dilation] = [strides[i], dilations[i]];
    const span = dilation * (kernel - 1) + 1;
    const base = { kernel, stride, dilation, span };
    if (autoPad === 'NOTSET' || autoPad === '') return { ...base, pads: [pads[i], pads[i + rank]] };
    if (autoPad === 'VALID') return { ...base, pads: [0, 0] };
    if (autoPad !== 'SAME_UPPER' && autoPad !== 'SAME_LOWER') throw new UserError(`${describeNode(node)} has the unknown auto_pad '${autoPad}'`);
    return { ...base, pads: stride === 1 ? samePads(autoPad, span - 1) : autoPad };
  });
}

/** Some exporters write an empty list for a default. */
function nonEmpty(list: readonly number[] | undefined): readonly number[] | undefined {
  return list?.length === 0 ? undefined : list;
}

function positive(node: OnnxNode, name: string, count: number): readonly number[] {
  const values = nonEmpty(intsAttribute(node, name)) ?? Array<number>(count).fill(1);
  if (values.length === count && values.every((value) => value >= 1)) return values;
  throw new UserError(`${describeNode(node)} has ${name} [${values.join(', ')}] for ${count} axes`);
}

/** Splits padding as `auto_pad` SAME does: an odd row or column goes to the end (SAME_UPPER) or to the beginning (SAME_LOWER). */
export function samePads(mode: 'SAME_UPPER' | 'SAME_LOWER', total: number): readonly [before: number, after: number] {
  const [small, large] = [Math.floor(total / 2), Math.ceil(total / 2)];
  return mode === 'SAME_UPPER' ? [small, large] : [large, small];
}

/**
 * The output size of a window along one axis of the given size.
 *
 * @param ceilMode pooling's ceil_mode: a last window that extends beyond the end counts if it starts inside
 */
export function windowOutput({ stride, span, pads }: WindowAxis, size: number, ceilMode = false): number {
  if (typeof pads === 'string') return Math.ceil(size / stride);
  const [before, after] = pads;
  const steps = (size + before + after - span) / stride;
  if (!ceilMode) return Math.floor(steps) + 1;
  const output = Math.ceil(steps) + 1;
  return (output - 1) * stride >= size + before ? output - 1 : output;
}

/** Whether a pooling node rounds its output size up. */
export function ceilMode(node: OnnxNode): boolean {
  return intAttribute(node, 'ceil_mode', 0) === 1;
}
