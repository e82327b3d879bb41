import { UserError } from '../errors.js';
import { GraphBuilder } from '../onnx/builder.js';
import type { OnnxModel } from '../onnx/model.js';
import type { Size } from '../size.js';
import { DataType, OnnxTensor } from '../onnx/tensor.js';
import type { StateDict } from '../formats/weights/stored-tensor.js';
import { IMAGE } from './architectures.js';
import { LOGITS } from './heads.js';
import type { LayerParameters, Step } from './plan.js';
import type { PlannedNetwork } from './recognise.js';

/** The epsilon of batch normalisation in torchvision. */
const EPSILON = 1e-5;

export interface BuildOptions {
  /** Keep batch normalisations as operators instead of folding them into the convolutions. */
  readonly keepBatchNorm?: boolean;
  /** The only image size that the network takes, if there is only one. */
  readonly size?: Size;
}

/**
 * Builds the ONNX graph of a planned network: `image` float32 [N, 3, H, W] in, `logits` [N, classes] out, in operator set 18.
 * Tensors and parameters are named after torchvision's modules. The output of a convolution with a folded batch normalisation
 * has the name of the latter.
 *
 * The weights file must still be open.
 *
 * @throws UserError if a weight is not finite
 */
export async function buildNetwork(network: PlannedNetwork, options: BuildOptions = {}): Promise<OnnxModel> {
  const { architecture, plan, classes, tensors } = network;
  const emitter = new Emitter(tensors, options.keepBatchNorm === true);
  for (const step of plan.steps) await emitter.add(step);
  return {
    irVersion: 8, opset: 18, otherOpsets: new Map(), producer: 'voc-seeds', metadata: new Map(),
    graph: {
      name: architecture.name, nodes: emitter.b.nodes, initializers: emitter.b.initializers,
      inputs: [{ name: IMAGE, type: DataType.float32, shape: ['N', 3, ...options.size ?? ['H', 'W']] }],
      outputs: [{ name: LOGITS, type: DataType.float32, shape: ['N', classes] }],
    },
  };
}

/** The parameters of a convolution: weight [out, ...], bias [out]. */
interface Affine {
  weight: Float32Array;
  bias: Float32Array | undefined;
}

class Emitter {
  readonly b = new GraphBuilder();

  constructor(private readonly tensors: StateDict, private readonly keepBatchNorm: boolean) {
    this.b.reserve(IMAGE);
  }

  async add({ op, output, inputs, attributes, parameters, constants = {} }: Step): Promise<void> {
    const norm = parameters?.norm;
    const folded = norm !== undefined && !this.keepBatchNorm;
    const own = parameters === undefined ? [] : await this.layer(parameters, folded);
    const made = Object.entries(constants).map(([name, tensor]) => this.constant(name, tensor));
    this.node(op, folded ? norm : output, [...inputs, ...own, ...made], attributes);
    if (norm === undefined || folded) return;
    const statistics = [];
    for (const part of ['weight', 'bias', 'running_mean', 'running_var']) {
      const values = await this.read(`${norm}.${part}`);
      statistics.push(this.constant(`${norm}.${part}`, OnnxTensor.float32([values.length], values)));
    }
    this.node('BatchNormalization', norm, [output, ...statistics], { epsilon: { float: EPSILON } });
  }

  /** Weight and bias of a layer. */
  private async layer({ name, bias, norm, shape }: LayerParameters, folded: boolean): Promise<string[]> {
    const affine: Affine = { weight: await this.read(`${name}.weight`), bias: bias ? await this.read(`${name}.bias`) : undefined };
    const stored = this.tensors.get(`${name}.weight`)!.shape;
    if (norm !== undefined && folded) await this.fold(affine, stored[0], norm);
    const weight = this.constant(`${name}.weight`, OnnxTensor.float32(shape ?? stored, affine.weight));
    return affine.bias === undefined ? [weight] : [weight, this.constant(`${name}.bias`, OnnxTensor.float32([stored[0]], affine.bias))];
  }

  /** y = scale (W x + b - mean) / sqrt(var + epsilon) + shift, as one convolution. */
  private async fold(affine: Affine, channels: number, norm: string): Promise<void> {
    const [scale, shift, mean, variance] = [
      await this.read(`${norm}.weight`), await this.read(`${norm}.bias`), await this.read(`${norm}.running_mean`), await this.read(`${norm}.running_var`),
    ];
    const bias = new Float32Array(channels);
    const size = affine.weight.length / channels;
    for (let c = 0; c < channels; c++) {
      const factor = scale[c] / Math.sqrt(variance[c] + EPSILON);
      for (let i = c * size; i < (c + 1) * size; i++) affine.weight[i] *= factor;
      bias[c] = shift[c] + ((affine.bias?.[c] ?? 0) - mean[c]) * factor;
    }
    if (!bias.every(Number.isFinite)) throw new UserError(`the batch normalisation '${norm}' has a variance that is negative or too small`);
    affine.bias = bias;
  }

  private async read(name: string): Promise<Float32Array> {
    const values = await this.tensors.get(name)!.read();
    if (!values.every(Number.isFinite)) throw new UserError(`the parameter '${name}' contains values that are not finite in float32`, 'did the loss become NaN in training?');
    return values;
  }

  private constant(name: string, tensor: OnnxTensor): string {
    this.b.initializers.set(this.b.reserve(name), tensor);
    return name;
  }

  /** Adds a node with the given name. */
  private node(op: string, name: string, inputs: readonly string[], attributes?: Parameters<GraphBuilder['node']>[2]): void {
    this.b.reserve(name);
    this.b.node(op, inputs, attributes);
    const made = this.b.nodes.pop()!;
    this.b.nodes.push({ ...made, name, outputs: [name] });
  }
}
