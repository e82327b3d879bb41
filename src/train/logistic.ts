import { GraphBuilder } from '../onnx/builder.js';
import type { OnnxModel } from '../onnx/model.js';
import { DataType } from '../onnx/tensor.js';
import { serializeModel } from '../onnx/file/write.js';
import type { Runtime, RuntimeTensor, Session } from '../runtime/runtime.js';
import { minimise } from './lbfgs.js';

/** Samples of a multi-label problem. */
export interface LabelledFeatures {
  /** [samples, features] */
  readonly features: Float32Array;
  /** [samples, classes], 1 if the class is present, else 0 */
  readonly targets: Float32Array;
  readonly samples: number;
}

/** A linear classifier: logits = features W + b. */
export interface LinearHead {
  /** [features, classes] */
  readonly weights: Float32Array;
  /** [classes] */
  readonly bias: Float32Array;
}

const [X, Y, W, B, LOSS, GRAD_W, GRAD_B] = ['x', 'y', 'w', 'b', 'loss', 'grad_w', 'grad_b'];

/** The loss and gradient of multi-label logistic regression as a graph. The regularisation is added outside. */
function lossGraph(featureCount: number, classCount: number): OnnxModel {
  const b = new GraphBuilder();
  for (const name of [X, Y, W, B]) b.reserve(name);
  const logits = b.add(b.matmul(X, W), B);
  const samples = b.cast(b.shape(X, 0, 1), DataType.float32);
  // Binary cross-entropy with logits: softplus(z) - y z, summed over classes, averaged over samples.
  const losses = b.sub(b.node('Softplus', [logits]), b.mul(Y, logits));
  const residual = b.div(b.sub(b.sigmoid(logits), Y), samples);
  b.alias(b.div(b.reduceSum(losses, [0, 1], false), samples), LOSS);
  b.alias(b.gemm(X, residual, { transA: 1 }), GRAD_W);
  b.alias(b.reduceSum(residual, [0], false), GRAD_B);
  const float = (name: string, shape: (number | string)[]) => ({ name, type: DataType.float32, shape });
  return {
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: 'voc-seeds', metadata: new Map(),
    graph: {
      name: 'logistic_loss', nodes: b.nodes, initializers: b.initializers,
      inputs: [float(X, ['N', featureCount]), float(Y, ['N', classCount]), float(W, [featureCount, classCount]), float(B, [classCount])],
      outputs: [float(LOSS, [1]), float(GRAD_W, [featureCount, classCount]), float(GRAD_B, [classCount])],
    },
  };
}

/**
 * Fits a linear classifier for independent (multi-label) classes. L-BFGS minimises the binary cross-entropy, summed over classes
 * and averaged over samples, plus l2 / 2 * |W|^2. The bias is not regularised. The loss and its gradient are a graph that the
 * runtime executes.
 */
export class LogisticRegression {
  private constructor(private readonly session: Session, private readonly featureCount: number, private readonly classCount: number) {}

  static async create(featureCount: number, classCount: number, runtime: Runtime, threads: number): Promise<LogisticRegression> {
    const session = await runtime.load(serializeModel(lossGraph(featureCount, classCount)), { threads });
    return new LogisticRegression(session, featureCount, classCount);
  }

  /**
   * @param start the initial head; zeros by default
   */
  async fit({ features, targets, samples }: LabelledFeatures, l2: number, start?: LinearHead): Promise<LinearHead> {
    const { featureCount, classCount } = this;
    const weightCount = featureCount * classCount;
    const data = { [X]: tensor([samples, featureCount], features), [Y]: tensor([samples, classCount], targets) };
    const initial = new Float64Array(weightCount + classCount);
    if (start !== undefined) {
      initial.set(start.weights);
      initial.set(start.bias, weightCount);
    }
    const { x } = await minimise(async (point) => {
      const results = await this.session.run({
        ...data,
        [W]: tensor([featureCount, classCount], Float32Array.from(point.subarray(0, weightCount))),
        [B]: tensor([classCount], Float32Array.from(point.subarray(weightCount))),
      });
      const gradient = new Float64Array(point.length);
      gradient.set(results[GRAD_W].data as Float32Array);
      gradient.set(results[GRAD_B].data as Float32Array, weightCount);
      let penalty = 0;
      for (let i = 0; i < weightCount; i++) {
        penalty += point[i] * point[i];
        gradient[i] += l2 * point[i];
      }
      return { value: Number(results[LOSS].data[0]) + (l2 / 2) * penalty, gradient };
    }, initial, { maxIterations: 300, gradientTolerance: 1e-5, precision: 1e-6 });
    return { weights: Float32Array.from(x.subarray(0, weightCount)), bias: Float32Array.from(x.subarray(weightCount)) };
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

function tensor(dims: readonly number[], data: Float32Array): RuntimeTensor {
  return { type: 'float32', dims, data };
}

/** Applies the head to features [samples, features]; returns logits [samples, classes]. */
export function applyHead({ weights, bias }: LinearHead, features: Float32Array): Float32Array {
  const classCount = bias.length;
  const featureCount = weights.length / classCount;
  const samples = features.length / featureCount;
  const logits = new Float32Array(samples * classCount);
  for (let n = 0; n < samples; n++) {
    const row = logits.subarray(n * classCount, (n + 1) * classCount);
    row.set(bias);
    for (let f = 0; f < featureCount; f++) {
      const value = features[n * featureCount + f];
      if (value === 0) continue;
      for (let c = 0; c < classCount; c++) row[c] += value * weights[f * classCount + c];
    }
  }
  return logits;
}
