import { dataTypeName, DataType } from '../onnx/tensor.js';
import type { OnnxTensor } from '../onnx/tensor.js';
import type { StateDict } from '../formats/weights/stored-tensor.js';

/** A feature map or vector of a planned network. */
export interface Features {
  /** The tensor's name. */
  readonly name: string;
  /** The number of channels, or null if a missing parameter leaves it unknown. */
  readonly channels: number | null;
}

/** The parameters of a convolution or linear layer in a state dictionary. */
export interface LayerParameters {
  /** The layer's name. Its parameters are `<name>.weight` and `<name>.bias`. */
  readonly name: string;
  readonly bias: boolean;
  /** The batch normalisation after it: `<norm>.weight`, `.bias`, `.running_mean` and `.running_var`. */
  readonly norm?: string;
  /** The shape of the weight in the graph, if it differs from that in the file. */
  readonly shape?: readonly number[];
}

/** A convolution with a square window. */
export interface ConvOptions {
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly bias?: boolean;
  /** The name of the batch normalisation after it. */
  readonly norm?: string;
  /** Whether it may have groups. Their number follows from the shape of its weight. */
  readonly grouped?: boolean;
}

/** One operator of a planned network. */
export interface Step {
  readonly op: string;
  /** The name of its output. */
  readonly output: string;
  readonly inputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
  /** Inputs after `inputs` that come from the weights file. */
  readonly parameters?: LayerParameters;
  /** New inputs after `inputs`, by name. */
  readonly constants?: Readonly<Record<string, OnnxTensor>>;
}

/** Parameters that inference does not need. */
const IGNORED = /\.num_batches_tracked$/;

const FLOATS: readonly DataType[] = [DataType.float32, DataType.float16, DataType.bfloat16, DataType.float64];

/**
 * The operators of a network, layer by layer, and the problems of a state dictionary for it. The numbers of channels come from
 * the shapes of the parameters, so narrower and wider networks of an architecture can be planned as well.
 */
export class Plan {
  readonly steps: Step[] = [];
  private readonly used = new Set<string>();
  private readonly absent: string[] = [];
  private readonly wrong: string[] = [];

  /** @param tensors only their names, types and shapes are used */
  constructor(private readonly tensors: StateDict) {}

  /** Parameters of the network that are not in the file. */
  get missing(): readonly string[] { return this.absent; }

  /** Parameters with a wrong shape or type, and what was expected. */
  get misfits(): readonly string[] { return this.wrong; }

  /** Parameters of the file that are not in the network. */
  get unexpected(): string[] {
    return [...this.tensors.keys()].filter((name) => !this.used.has(name) && !IGNORED.test(name));
  }

  /**
   * A convolution, and the batch normalisation after it if there is one.
   *
   * @returns the output of the last of them, with its name
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
   * @param biased whether it must have a bias; otherwise it has one if the file does
   */
  linear(x: Features, name: string, inputs: number | null, output = name, biased = true): Features {
    const { shape, bias } = this.needLinear(name, [inputs], biased);
    return this.add({ op: 'Gemm', output, inputs: [x.name], attributes: { transB: 1 }, parameters: { name, bias } }, shape?.[0] ?? null);
  }

  /** A linear layer over windows of `kernel` x `kernel` positions, without padding: its weight becomes the kernel of a convolution. */
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
    if (x.channels !== null && y.channels !== null && x.channels !== y.channels) this.wrong.push(`${output} adds ${x.channels} channels to ${y.channels}`);
    return this.add({ op: 'Add', output, inputs: [x.name, y.name] }, x.channels);
  }

  /** Adds any other step. */
  add(step: Step, channels: number | null, output = step.output): Features {
    this.steps.push(step);
    return { name: output, channels };
  }

  /** The shape of a parameter; `undefined` if it is missing or does not fit. */
  private need(name: string, expected: readonly (number | null)[]): readonly number[] | undefined {
    this.used.add(name);
    const tensor = this.tensors.get(name);
    if (tensor === undefined) {
      this.absent.push(name);
      return undefined;
    }
    const { shape, type } = tensor;
    if (!FLOATS.includes(type)) this.wrong.push(`${name} has type ${dataTypeName(type)}, not floating point`);
    const fits = shape.length === expected.length && shape.every((size, i) => size > 0 && (expected[i] === null || size === expected[i]));
    if (fits) return shape;
    this.misfit(name, expected);
    return undefined;
  }

  private misfit(name: string, expected: readonly (number | null)[]): void {
    this.wrong.push(`${name} is [${this.tensors.get(name)!.shape.join(', ')}], not [${expected.map((size) => size ?? 'any').join(', ')}]`);
  }

  /** The number of groups of a convolution with that many input channels: 1 except in ResNeXt. */
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
