import { OnnxTensor } from '../onnx/tensor.js';
import type { Size } from '../size.js';
import { normalSequence } from '../random.js';
import { adaptiveAveragePool } from './adaptive-pool.js';
import type { Features, Plan } from './plan.js';

/**
 * The layers after the convolutions: the network's own fully connected layers (`fc`), the same as convolutions, which work
 * at every size (`conv`), or global average pooling and a new linear layer (`gap`).
 */
export type Head
  = | { readonly kind: 'fc' | 'conv' }
    | {
      readonly kind: 'gap';
      /** The number of logits. */
      readonly classes: number;
      /** The seed of the random weights. */
      readonly seed: number;
    };

/** The name of the output of every imported network, [N, classes]. */
export const LOGITS = 'logits';

/** The cells per axis of the input of VGG's first fully connected layer. */
const VGG_CELLS = 7;

/**
 * VGG's fully connected layers.
 *
 * @param map [height, width] of the last feature map, for the head `fc`
 */
export function vggHead(plan: Plan, x: Features, kind: 'fc' | 'conv', map: Size): Features {
  if (kind === 'conv') {
    const fc6 = plan.relu(plan.linearConv(x, 'classifier.0', VGG_CELLS), 'classifier.1');
    const fc7 = plan.relu(plan.linearConv(fc6, 'classifier.3', 1), 'classifier.4');
    return flatten(plan, globalAverage(plan, plan.linearConv(fc7, 'classifier.6', 1)), LOGITS);
  }
  const vector = flatten(plan, adaptiveAveragePool(plan, x, map, VGG_CELLS, 'avgpool'), 'flatten');
  const fc6 = plan.relu(plan.linear(vector, 'classifier.0', x.channels === null ? null : x.channels * VGG_CELLS ** 2), 'classifier.1');
  const fc7 = plan.relu(plan.linear(fc6, 'classifier.3', fc6.channels), 'classifier.4');
  return plan.linear(fc7, 'classifier.6', fc7.channels, LOGITS);
}

/**
 * Global average pooling and a linear layer, with or without bias, stored as a matrix or as a 1x1 convolution.
 *
 * @param name of its parameters
 */
export function linearHead(plan: Plan, x: Features, kind: 'fc' | 'conv', name: string): Features {
  const pooled = globalAverage(plan, x);
  if (kind === 'conv' || plan.isConv(name)) return flatten(plan, plan.linearConv(pooled, name, 1, false), LOGITS);
  return plan.linear(flatten(plan, pooled, 'flatten'), name, x.channels, LOGITS, false);
}

/**
 * Global average pooling and a new, untrained 1x1 convolution. Its weights are normally distributed with variance
 * 2 / channels (He, Zhang, Ren and Sun: Delving Deep into Rectifiers, ICCV 2015). Its biases are zero.
 */
export function gapHead(plan: Plan, x: Features, classes: number, seed: number): Features {
  const channels = x.channels ?? 0;
  const normal = normalSequence(seed);
  const weights = Float32Array.from({ length: classes * channels }, () => Math.sqrt(2 / channels) * normal());
  const scores = plan.add({
    op: 'Conv', output: 'head', inputs: [globalAverage(plan, x).name], attributes: { kernel_shape: [1, 1] },
    constants: { 'head.weight': OnnxTensor.float32([classes, channels, 1, 1], weights), 'head.bias': OnnxTensor.float32([classes], new Float32Array(classes)) },
  }, classes);
  return flatten(plan, scores, LOGITS);
}

function globalAverage(plan: Plan, x: Features): Features {
  return plan.add({ op: 'GlobalAveragePool', output: 'avgpool', inputs: [x.name] }, x.channels);
}

function flatten(plan: Plan, x: Features, output: string): Features {
  return plan.add({ op: 'Flatten', output, inputs: [x.name] }, x.channels);
}
