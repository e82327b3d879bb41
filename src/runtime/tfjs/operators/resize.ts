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
      // If each pixel becomes a block of equal pixels, the two agree. Otherwise they define "nearest" differently.
      const factors = [height / input.dims[2], width / input.dims[3]];
      const rounding = stringAttribute(node, 'nearest_mode', 'round_prefer_floor');
      const blocks = positions === 'asymmetric'
        ? rounding === 'floor' || (rounding === 'round_prefer_floor' && Math.max(...factors) <= 2)
        : positions === 'half_pixel' && rounding.startsWith('round');
      if (!factors.every(Number.isInteger) || !blocks) call.refuse(`nearest Resize with ${positions} and ${rounding}`);
      return call.resultNhwc(tf.image.resizeNearestNeighbor(x, [height, width]));
    }
    default: return call.refuse('cubic Resize');
  }
};

export const resizing: OperatorTable = { Resize: resize };
