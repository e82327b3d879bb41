import { intAttribute, intsAttribute, stringAttribute } from '../../../onnx/model.js';
import type { OperatorCall, OperatorTable, TfOperator } from './helpers/call.js';
import type { DeviceValue } from '../value.js';

/** The output size of a Resize, [N, C, H, W]. */
function wantedSize(call: OperatorCall, { dims }: DeviceValue): number[] {
  if (call.has(3) && call.value(3).dims[0] > 0) return call.numbers(3);
  const sizes = call.numbers(2).map((scale, i) => dims[i] * scale);
  // ONNX computes positions from the given scale, TensorFlow.js from the ratio of the sizes.
  if (!sizes.every(Number.isInteger)) call.refuse('Resize to fractions of a pixel');
  return sizes;
}

/** Where cell i of a resized axis lies on the old one, in single precision as ONNX Runtime computes it. */
type Position = (i: number, from: number, to: number) => number;

const halfPixel: Position = (i, from, to) => Math.fround(Math.fround((i + 0.5) / Math.fround(to / from)) - 0.5);

const nearestPositions: Readonly<Partial<Record<string, Position>>> = {
  half_pixel: halfPixel,
  pytorch_half_pixel: (i, from, to) => (to > 1 ? halfPixel(i, from, to) : 0),
  asymmetric: (i, from, to) => Math.fround(i / Math.fround(to / from)),
  align_corners: (i, from, to) => (to > 1 ? Math.fround((i * (from - 1)) / (to - 1)) : 0),
};

const roundings: Readonly<Partial<Record<string, (x: number) => number>>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

const resize: TfOperator = (call) => {
  const { tf, node } = call;
  const input = call.device(0);
  if (intsAttribute(node, 'axes') !== undefined || intAttribute(node, 'antialias', 0) === 1) call.refuse('Resize with axes or antialias');
  const [n, c, height, width] = wantedSize(call, input);
  if (input.dims.length !== 4 || n !== input.dims[0] || c !== input.dims[1]) call.refuse('Resize of batch or channels');
  const positions = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel');
  const x = input.nhwc();
  switch (stringAttribute(node, 'mode', 'nearest')) {
    case 'linear': {
      const known = ['half_pixel', 'align_corners', 'asymmetric'].includes(positions) || (positions === 'pytorch_half_pixel' && height > 1 && width > 1);
      if (!known) call.refuse(`linear Resize with ${positions}`);
      return call.resultNhwc(tf.image.resizeBilinear(x, [height, width], positions === 'align_corners', positions.endsWith('half_pixel')));
    }
    case 'nearest': {
      const position = nearestPositions[positions];
      const rounding = roundings[stringAttribute(node, 'nearest_mode', 'round_prefer_floor')];
      if (position === undefined || rounding === undefined) return call.refuse(`nearest Resize with ${positions}`);
      // TensorFlow.js has one definition of "nearest", ONNX has many.
      const cells = (from: number, to: number): Int32Array => Int32Array.from({ length: to }, (_, i) => (
        Math.min(Math.max(rounding(position(i, from, to)), 0), from - 1)));
      const rows = tf.gather(x, tf.tensor1d(cells(input.dims[2], height), 'int32'), 1);
      return call.resultNhwc(tf.gather(rows, tf.tensor1d(cells(input.dims[3], width), 'int32'), 2));
    }
    default: return call.refuse('cubic Resize');
  }
};

export const resizing: OperatorTable = { Resize: resize };
