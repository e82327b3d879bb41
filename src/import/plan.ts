import { dataTypeName, DataType } from '../onnx/tensor.js';
import type { OnnxTensor } from '../onnx/tensor.js';
import type { StateDict } from '../formats/weights/stored-tensor.js';

/** A feature map or a vector of a network that is being planned. */
export interface Features {
  /** The tensor's name. */
  readonly name: string;
  /** Its channels, or null where a missing parameter leaves them unknown. */
  readonly channels: number | null;
}

/** Parameters of a convolution or of a linear layer, as a state dictionary holds them. */
export interface LayerParameters {
  /** The layer's name: its parameters are `<name>.weight` and `<name>.bias`. */
  readonly name: string;
  readonly bias: boolean;
  /** The batch normalisation behind it: `<norm>.weight`, `.bias`, `.running_mean` and `.running_var`. */
  readonly norm?: string;
  /** The shape that the weight takes in the graph, where it is another than in the file. */
  readonly shape?: readonly number[];
}

/** A convolution of square windows. */
export interface ConvOptions {
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly bias?: boolean;
  /** The name of the batch normalisation behind it. */
  readonly norm?: string;
  /** Whether it may have groups, as the shape of its weight tells. */
  readonly grouped?: boolean;
}

/** One operator of a planned network. */
export interface Step {
  readonly op: string;
  /** The name of its output. */
  readonly output: string;
  readonly inputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
  /** Inputs behind `inputs` that the file of weights gives. */
  readonly parameters?: LayerParameters;
  /** Inputs behind `inputs` that are made new, by name. */
  readonly constants?: Readonly<Record<string, OnnxTensor>>;
}

/** Parameters that inference has no use for. */
const IGNORED = /\.num_batches_tracked$/;

const FLOATS: readonly DataType[] = [DataType.float32, DataType.float16, DataType.bfloat16, DataType.float64];

/**
 * The operators of a network, written down layer by layer, and what is wrong with a state dictionary for it. The numbers of
 * channels come from the shapes of the parameters, so that narrower and wider networks of an architecture are planned as well.
 */
export class Plan {
  readonly steps: Step[] = [];
  private readonly used = new Set<string>();
  private readonly absent: string[] = [];
  private readonly wrong: string[] = [];

  /** @param tensors only names, types and shapes are looked at */
  constructor(private readonly tensors: StateDict) {}

  /** Parameters that the network has and the file has not. */
  get missing(): readonly string[] { return this.absent; }

  /** Parameters of a shape or type that does not fit, with what was expected. */
  get misfits(): readonly string[] { return this.wrong; }

  /** Parameters that the file has and the network has not. */
  get unexpected(): string[] {
    return [...this.tensors.keys()].filter((name) => !this.used.has(name) && !IGNORED.test(name));
  }

  /**
   * A convolution, and the batch normalisation behind it if there is one.
   *
   * @returns the output of the latter, named after it
   */
  conv(x: Features, name: string, { kernel, stride = 1, padding = 0, bias = false, norm, grouped = false }: ConvOptions): Features {
    const shape = this.need(`${name}.weight`, [null, null, kernel, kernel]);
    const channels = shape?.[0] ?? null;
    if (bias) this.need(`${name}.bias`, [channels]);
    if (norm !== undefined) for (const part of ['weight', 'bias', 'running_mean', 'running_var']) this.need(`${norm}.${part}`, [channels]);
    const group = this.groups(`${name}.weight`, x.channels, shape, grouped);
    return this.add({
      op: 'Conv', output: name, inputs: [x.name],
      attributes: { ...windowOf(kernel, stride, padding), ...group > 1 && { group } },
      parameters: { name, bias, norm },
    }, channels, norm);
  }

  /**
   * A linear layer y = W x + b of vectors.
   *
   * @param inputs the length of the vectors
   * @param biased whether it must have a bias; else it has one if the file holds it
   */
  linear(x: Features, name: string, inputs: number | null, output = name, biased = true): Features {
    const { shape, bias } = this.needLinear(name, [inputs], biased);
    return this.add({ op: 'Gemm', output, inputs: [x.name], attributes: { transB: 1 }, parameters: { name, bias } }, shape?.[0] ?? null);
  }

  /** A linear layer of windows of `kernel` x `kernel` positions, without padding: the same parameters as a convolution's kernel. */
  linearConv(x: Features, name: string, kernel: number, biased = true): Features {
    const inputs = x.channels === null ? null : x.channels * kernel ** 2;
    const { shape, bias } = this.needLinear(name, this.isConv(name) ? [inputs, 1, 1] : [inputs], biased);
    return this.add({
      op: 'Conv', output: name, inputs: [x.name], attributes: { kernel_shape: [kernel, kernel] },
      parameters: { name, bias, shape: [shape?.[0] ?? 0, x.channels ?? 0, kernel, kernel] },
    }, shape?.[0] ?? null);
  }

  /** Whether a layer is stored as a convolution. */
  isConv(name: string): boolean {
    return this.tensors.get(`${name}.weight`)?.shape.length === 4;
  }

  private needLinear(name: string, inputs: readonly (number | null)[], biased: boolean): { shape: readonly number[] | undefined; bias: boolean } {
    const bias = biased || this.tensors.has(`${name}.bias`) || !this.tensors.has(`${name}.weight`);
    const shape = this.need(`${name}.weight`, [null, ...inputs]);
    if (bias) this.need(`${name}.bias`, [shape?.[0] ?? null]);
    return { shape, bias };
  }

  relu(x: Features, output: string): Features {
    return this.add({ op: 'Relu', output, inputs: [x.name] }, x.channels);
  }

  maxPool(x: Features, output: string, kernel: number, stride: number, padding = 0): Features {
    return this.add({ op: 'MaxPool', output, inputs: [x.name], attributes: windowOf(kernel, stride, padding) }, x.channels);
  }

  sum(x: Features, y: Features, output: string): Features {
    if (x.channels !== null && y.channels !== null && x.channels !== y.channels) this.wrong.push(`${output}: ${x.channels} channels are added to ${y.channels}`);
    return this.add({ op: 'Add', output, inputs: [x.name, y.name] }, x.channels);
  }

  /** Adds any other step. */
  add(step: Step, channels: number | null, output = step.output): Features {
    this.steps.push(step);
    return { name: output, channels };
  }

  /** The shape of a parameter; where it does not fit, what is known of it all the same. */
  private need(name: string, expected: readonly (number | null)[]): readonly number[] | undefined {
    this.used.add(name);
    const tensor = this.tensors.get(name);
    if (tensor === undefined) {
      this.absent.push(name);
      return undefined;
    }
    const { shape, type } = tensor;
    if (!FLOATS.includes(type)) this.wrong.push(`${name} is of the type ${dataTypeName(type)}, not floating point`);
    const fits = shape.length === expected.length && shape.every((size, i) => size > 0 && (expected[i] === null || size === expected[i]));
    if (fits) return shape;
    this.misfit(name, expected);
    return undefined;
  }

  private misfit(name: string, expected: readonly (number | null)[]): void {
    this.wrong.push(`${name} is [${this.tensors.get(name)!.shape.join(', ')}], not [${expected.map((size) => size ?? 'any').join(', ')}]`);
  }

  /** The groups of a convolution of so many channels: 1 but in ResNeXt. */
  private groups(weight: string, channels: number | null, shape: readonly number[] | undefined, grouped: boolean): number {
    if (channels === null || shape === undefined) return 1;
    const group = channels / shape[1];
    if (group === 1 || (grouped && Number.isInteger(group) && shape[0] % group === 0)) return group;
    this.misfit(weight, [null, channels, shape[2], shape[3]]);
    return 1;
  }
}

function windowOf(kernel: number, stride: number, padding: number): Record<string, readonly number[]> {
  return { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [padding, padding, padding, padding] };
}
