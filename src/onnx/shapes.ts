import { messageOf, UserError } from '../errors.js';
import type { Known } from './infer.js';
import { inferShapes } from './infer.js';
import type { OnnxGraph, OnnxValueInfo } from './model.js';

/** The height and width of an image, in pixels. */
export type Size = readonly [height: number, width: number];

/** Two sizes of batch and image; what is the same for both is the same for all. */
const PROBES: readonly { readonly batch: number; readonly size: Size }[] = [
  { batch: 2, size: [256, 320] },
  { batch: 3, size: [320, 448] },
];

/** The image input of a graph and, where the network works at one size only, that size. */
export interface ImageInput {
  readonly name: string;
  /** Channels of the image. */
  readonly channels: number;
  readonly fixedSize: Size | undefined;
}

/**
 * The one image input of a classifier, [N, 3, H, W].
 *
 * @param fixedSize the size at which a network works that declares free H and W but has a fully connected head
 * @throws UserError where there is no such input, or more than one
 */
export function imageInput(graph: OnnxGraph, fixedSize?: Size): ImageInput {
  const images = graph.inputs.filter(({ shape }) => shape?.length === 4);
  if (graph.inputs.length !== 1 || images.length !== 1) {
    throw new UserError(`the model has the inputs ${graph.inputs.map(describeInput).join(', ')}; one image input [N, 3, H, W] is wanted`);
  }
  const [{ name, shape }] = images;
  const [, channels, height, width] = shape!;
  if (typeof channels !== 'number' || (channels > 4 && width !== null && Number(width) <= 4)) {
    throw new UserError(
      `the model's input is ${describeInput(images[0])}; [N, channels, H, W] is wanted`,
      'models that take [N, H, W, channels] are not supported yet: export the model in NCHW layout',
    );
  }
  const declared = typeof height === 'number' && typeof width === 'number' ? [height, width] as const : undefined;
  if (declared && fixedSize && (declared[0] !== fixedSize[0] || declared[1] !== fixedSize[1])) {
    throw new UserError(`the model's input is ${describeInput(images[0])}; it cannot be run at ${fixedSize.join('x')}`);
  }
  return { name, channels, fixedSize: declared ?? fixedSize };
}

function describeInput({ name, shape }: OnnxValueInfo): string {
  return `${name} [${shape?.map((dim) => dim ?? '?').join(', ') ?? '?'}]`;
}

/**
 * What is known of the shapes in a graph whose batch size, height and width are free. The graph is walked for two
 * concrete sizes: a dimension that comes out the same both times is fixed, one that differs depends on the input.
 */
export class GraphShapes {
  private constructor(
    private readonly probes: readonly ReadonlyMap<string, Known>[],
    private readonly sizes: readonly Size[],
    private readonly batches: readonly number[],
  ) {}

  /** @throws UserError where the network cannot work at the probed sizes */
  static of(graph: OnnxGraph, input: ImageInput): GraphShapes {
    const declaredBatch = graph.inputs.find(({ name }) => name === input.name)?.shape?.[0];
    const batches = PROBES.map(({ batch }) => (typeof declaredBatch === 'number' ? declaredBatch : batch));
    const sizes = PROBES.map(({ size }) => input.fixedSize ?? size);
    try {
      const probes = sizes.map((size, i) => inferShapes(graph, new Map([[input.name, [batches[i], input.channels, ...size]]])));
      return new GraphShapes(probes, sizes, batches);
    } catch (error) {
      if (input.fixedSize !== undefined) throw error;
      throw new UserError(
        `the model declares a free image size, but does not work at ${sizes[0].join('x')}: ${messageOf(error)}`,
        'a network with a fully connected head needs its input size: --model-input-size HxW',
        { cause: error },
      );
    }
  }

  /** The dimensions of a tensor; null where one depends on the input's size. `undefined`: the shape is not known. */
  dims(name: string): readonly (number | null)[] | undefined {
    const [a, b] = this.probes.map((probe) => probe.get(name)?.dims);
    if (a === undefined || b === undefined || a.length !== b.length) return undefined;
    return a.map((dim, i) => (dim === b[i] ? dim : null));
  }

  /** The numbers of a small tensor that does not depend on the input's size. */
  values(name: string): readonly number[] | undefined {
    const [a, b] = this.probes.map((probe) => probe.get(name)?.values);
    if (a === undefined || b === undefined || a.length !== b.length) return undefined;
    return a.every((value, i) => value === b[i]) ? a : undefined;
  }

  /** Whether a tensor's first dimension is the batch. */
  batchLeads(name: string): boolean {
    return this.probes.every((probe, i) => probe.get(name)?.dims[0] === this.batches[i]);
  }

  /**
   * How many pixels of the image lie between two neighbours of a feature map, [vertical, horizontal]; `undefined` for
   * what is no feature map [N, C, h, w].
   */
  stride(name: string): Size | undefined {
    const [a, b] = this.probes.map((probe) => probe.get(name)?.dims);
    if (a === undefined || b === undefined || a.length !== 4 || a[1] !== b[1] || !this.batchLeads(name)) return undefined;
    const along = (axis: 0 | 1): number => {
      const pixels = this.sizes[1][axis] - this.sizes[0][axis];
      const cells = b[axis + 2] - a[axis + 2];
      if (pixels === 0) return a[axis + 2] === 1 ? Infinity : Math.round(this.sizes[0][axis] / a[axis + 2]);
      return pixels / cells;
    };
    const stride: Size = [along(0), along(1)];
    return stride.every((step) => Number.isFinite(step) && step > 0) ? stride : undefined;
  }
}
