import type { WindowAxis } from '../../onnx/shapes/window.js';
import { samePads } from '../../onnx/shapes/window.js';

/** Padding along one axis. */
export type Pads = readonly [before: number, after: number];

/** A window along one axis after a network was dilated; padding is in numbers, or as it was where nothing changed. */
export type DilatedAxis = Pick<WindowAxis, 'stride' | 'dilation' | 'pads'>;

/**
 * What becomes of a window along one axis when its input is `factor` times as fine as it was, so that it sees what it
 * saw before: its elements and its padding move apart by the factor.
 *
 * @param losesStride whether the window visits every position from now on; its output is then `factor * stride` times
 *   as fine as it was
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
 * A window that loses its stride behind a Pad node, along one axis: how the two share the padding is the exporter's
 * choice, only their sum counts. The window keeps its own.
 *
 * @param front what the Pad node adds
 * @returns the window, and what the Pad node is to add now (below 0 where that cannot be done)
 */
export function dilatedBehindPad(
  axis: WindowAxis, front: Pads, factor: number, roundsUp: boolean,
): { readonly window: DilatedAxis; readonly front: Pads } {
  const own = axis.pads;
  // SAME is relative to the padded map, and stays so.
  if (typeof own === 'string') return { window: dilatedAxis(axis, factor, true, roundsUp), front: [front[0] * factor, front[1] * factor] };
  const all = padsWithoutStride({ ...axis, pads: [own[0] + front[0], own[1] + front[1]] }, roundsUp);
  const window = { ...dilatedAxis(axis, factor, true, roundsUp), pads: [own[0] * factor, own[1] * factor] as const };
  return { window, front: [(all[0] - own[0]) * factor, (all[1] - own[1]) * factor] };
}

/**
 * The padding of a window that gives up its stride s. Where the strided window divides the size by s, up to rounding,
 * the new one keeps the size: an odd span is centred on its position, as frameworks pad (a stride of 2 hides that
 * [0, 1] of TensorFlow's SAME, and ceil_mode without padding, are off the centre); an even one keeps its beginning. A
 * window that takes more off the border than that (no padding), or adds to it, keeps its padding.
 */
function padsWithoutStride({ span, stride, pads }: WindowAxis, roundsUp: boolean): Pads {
  const whole = span - 1;
  if (typeof pads === 'string') return samePads(pads, whole);
  const [before, after] = pads;
  const reach = before + after + (roundsUp ? stride - 1 : 0);
  if (before + after > whole || reach < span - stride) return pads;
  return whole % 2 === 0 ? [whole / 2, whole / 2] : [before, whole - before];
}
