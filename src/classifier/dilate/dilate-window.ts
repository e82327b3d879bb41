import type { WindowAxis } from '../../onnx/shapes/window.js';
import { samePads } from '../../onnx/shapes/window.js';

/** Padding along one axis. */
export type Pads = readonly [before: number, after: number];

/** A window along one axis after dilation. Its padding is explicit, or as before if nothing changed. */
export type DilatedAxis = Pick<WindowAxis, 'stride' | 'dilation' | 'pads'>;

/**
 * Adapts a window along one axis to an input that is finer by `factor`, so that it covers the same part of the image: its
 * dilation and padding are multiplied by the factor.
 *
 * @param losesStride whether the window gets a stride of 1; its output then is finer by `factor * stride`
 * @param roundsUp pooling's ceil_mode
 */
export function dilatedAxis(axis: WindowAxis, factor: number, losesStride: boolean, roundsUp = false): DilatedAxis {
  const dilation = axis.kernel === 1 ? axis.dilation : axis.dilation * factor;
  const pads = losesStride ? padsWithoutStride(axis, roundsUp) : axis.pads;
  return {
    stride: losesStride ? 1 : axis.stride,
    dilation,
    pads: typeof pads === 'string' ? pads : [pads[0] * factor, pads[1] * factor],
  };
}

/**
 * Adapts a window that loses its stride after a Pad node, along one axis. Only the sum of the two paddings matters. The window
 * keeps its own.
 *
 * @param front the padding of the Pad node
 * @returns the window, and the new padding of the Pad node (negative if that is not possible)
 */
export function dilatedBehindPad(
  axis: WindowAxis, front: Pads, factor: number, roundsUp: boolean,
): { readonly window: DilatedAxis; readonly front: Pads } {
  const own = axis.pads;
  // SAME is relative to the padded map.
  if (typeof own === 'string') return { window: dilatedAxis(axis, factor, true, roundsUp), front: [front[0] * factor, front[1] * factor] };
  const all = padsWithoutStride({ ...axis, pads: [own[0] + front[0], own[1] + front[1]] }, roundsUp);
  const window = { ...dilatedAxis(axis, factor, true, roundsUp), pads: [own[0] * factor, own[1] * factor] as const };
  return { window, front: [(all[0] - own[0]) * factor, (all[1] - own[1]) * factor] };
}

/**
 * The padding of a window that loses its stride s. If the strided window divides the size by s, up to rounding, the new window
 * keeps the size. An odd span is then centred on its position, as frameworks pad. (With a stride of 2, the padding [0, 1] of
 * TensorFlow's SAME and ceil_mode without padding are off-centre, which does not show.) An even span keeps the padding before
 * it. A window that shrinks the map more than that (no padding), or enlarges it, keeps its padding.
 */
function padsWithoutStride({ span, stride, pads }: WindowAxis, roundsUp: boolean): Pads {
  const whole = span - 1;
  if (typeof pads === 'string') return samePads(pads, whole);
  const [before, after] = pads;
  const reach = before + after + (roundsUp ? stride - 1 : 0);
  if (before + after > whole || reach < span - stride) return pads;
  return whole % 2 === 0 ? [whole / 2, whole / 2] : [before, whole - before];
}
