import type { Size } from '../size.js';
import { OnnxTensor } from '../onnx/tensor.js';
import type { Features, Plan, Step } from './plan.js';

/**
 * Averages a map of a known size to `size` x `size` cells, like PyTorch's AdaptiveAvgPool2d: cell i covers the positions
 * from floor(i n / size) to ceil((i + 1) n / size) of an axis of length n. Windows differ in size and may overlap. No ONNX
 * pooling operator can do this, but along each axis it is a multiplication by a matrix.
 *
 * @param map [height, width] of the map
 * @param name of the output and the prefix of the intermediate tensors
 * @returns `x` itself if the map already has that size
 */
export function adaptiveAveragePool(plan: Plan, x: Features, map: Size, size: number, name: string): Features {
  const [height, width] = map;
  if (height === size && width === size) return x;
  const step = (input: Features, op: string, output: string, rest: Pick<Step, 'attributes' | 'constants'>): Features => (
    plan.add({ op, output, inputs: [input.name], ...rest }, x.channels));
  const swapped = { attributes: { perm: [0, 1, 3, 2] } };
  const columns = step(x, 'MatMul', `${name}.columns`, { constants: { [`${name}.horizontal`]: averages(width, size) } });
  const turned = step(columns, 'Transpose', `${name}.turned`, swapped);
  const rows = step(turned, 'MatMul', `${name}.rows`, { constants: { [`${name}.vertical`]: averages(height, size) } });
  return step(rows, 'Transpose', name, swapped);
}

/** The matrix [length, size] whose columns are the weights of the windows. */
function averages(length: number, size: number): OnnxTensor {
  const matrix = new Float32Array(length * size);
  for (let i = 0; i < size; i++) {
    const start = Math.floor(i * length / size);
    const end = Math.ceil((i + 1) * length / size);
    for (let at = start; at < end; at++) matrix[at * size + i] = 1 / (end - start);
  }
  return OnnxTensor.float32([length, size], matrix);
}
