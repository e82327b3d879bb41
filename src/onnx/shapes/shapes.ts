import type { Size } from '../../size.js';
import { messageOf, UserError } from '../../errors.js';
import type { TensorInfo } from './tensor-info.js';
import { inferShapes } from './infer.js';
import type { Layout, SpatialAxes } from './layout.js';
import { followLayout } from './layout.js';
import type { OnnxGraph, OnnxValueInfo } from '../model.js';
import { DataType, dataTypeName } from '../tensor.js';

/** Two sizes of batch and image. A dimension that is the same for both is the same for all sizes that the network divides evenly. */
const PROBES: readonly { readonly batch: number; readonly size: Size }[] = [
  { batch: 2, size: [256, 320] },
  { batch: 3, size: [320, 448] },
];

/**
 * A size that stays odd each time it is halved and rounded up, because paddings may depend on that. It is ignored for networks
 * that do not work at it.
 */
const ODD_PROBE = { batch: 5, size: [257, 321] } as const;

/** The image input of a graph and, if the network works at one size only, that size. */
export interface ImageInput {
  readonly name: string;
  readonly channels: number;
  readonly fixedSize: Size | undefined;
}

/** The largest input image, 8192 x 8192: as float32 it has 800 MB. */
const MOST_PIXELS = 2 ** 26;

/** Usual input sizes of networks, the most common first. */
const COMMON_SIZES = [224, 299, 256, 384, 240, 260, 300, 320, 336, 380, 448, 456, 512, 192, 160, 128, 112, 96, 64, 56, 48, 32, 28];

/**
 * The image input of a classifier, [N, C, H, W].
 *
 * @param fixedSize the input size of a network that declares free H and W but has a fully connected head
 * @throws UserError if there is no such input, or the model has others
 */
export function imageInput(graph: OnnxGraph, fixedSize?: Size): ImageInput {
  const images = graph.inputs.filter(({ shape }) => shape?.length === 4);
  if (graph.inputs.length !== 1 || images.length !== 1) {
    throw new UserError(`the model has the inputs ${graph.inputs.map(describeInput).join(', ')}; it should have one image input [N, 3, H, W]`);
  }
  const [{ name, shape, type }] = images;
  const [, channels, height, width] = shape!;
  if (typeof channels !== 'number' || (channels > 4 && width !== null && Number(width) <= 4)) {
    throw new UserError(
      `the model's input is ${describeInput(images[0])}; it should be [N, channels, H, W]`,
      'export the model with its number of channels declared',
    );
  }
  if (type !== DataType.float32) {
    throw new UserError(`the model's input ${name} is of type ${dataTypeName(type)}; it should be float32`, 'export the model in float32');
  }
  const declared = typeof height === 'number' && typeof width === 'number' ? [height, width] as const : undefined;
  if (declared && declared[0] * declared[1] > MOST_PIXELS) {
    throw new UserError(`the model's input is ${describeInput(images[0])}: images of more than ${MOST_PIXELS} pixels are not supported`, 'export it with a free or a smaller image size');
  }
  if (declared && fixedSize && (declared[0] !== fixedSize[0] || declared[1] !== fixedSize[1])) {
    throw new UserError(`the model's input is ${describeInput(images[0])}; it cannot be run at ${fixedSize.join('x')}`);
  }
  return { name, channels, fixedSize: declared ?? fixedSize };
}

function describeInput({ name, shape }: OnnxValueInfo): string {
  return `${name} [${shape?.map((dim) => dim ?? '?').join(', ') ?? '?'}]`;
}

/**
 * The shapes in a graph whose batch size, height and width are free. Shapes are inferred for two concrete sizes: a dimension
 * that is the same both times is fixed, and one that differs depends on the input.
 */
export class GraphShapes {
  private constructor(
    private readonly input: ImageInput,
    private readonly probes: readonly ReadonlyMap<string, TensorInfo>[],
    private readonly sizes: readonly Size[],
    private readonly batches: readonly number[],
    private readonly layout: ReadonlyMap<string, Layout>,
    private readonly odd: ReadonlyMap<string, TensorInfo> | undefined,
  ) {}

  /** @throws UserError if the network does not work at the probed sizes */
  static of(graph: OnnxGraph, input: ImageInput): GraphShapes {
    const declaredBatch = graph.inputs.find(({ name }) => name === input.name)?.shape?.[0];
    const batches = PROBES.map(({ batch }) => (typeof declaredBatch === 'number' ? declaredBatch : batch));
    const sizes = PROBES.map(({ size }) => input.fixedSize ?? size);
    try {
      const probe = (batch: number, size: Size): Map<string, TensorInfo> => (
        inferShapes(graph, new Map([[input.name, [batch, input.channels, ...size]]])));
      const probes = sizes.map((size, i) => probe(batches[i], size));
      const odd = input.fixedSize === undefined
        ? unlessImpossible(() => probe(typeof declaredBatch === 'number' ? declaredBatch : ODD_PROBE.batch, ODD_PROBE.size))
        : undefined;
      return new GraphShapes(input, probes, sizes, batches, followLayout(graph, input.name, probes[0]), odd);
    } catch (error) {
      if (input.fixedSize !== undefined) throw error;
      throw new UserError(
        `the model declares a free image size, but does not work at ${sizes[0].join('x')}: ${messageOf(error)}`,
        'a network with a fully connected head needs its input size: --model-input-size HxW',
        { cause: error },
      );
    }
  }

  /**
   * Like {@link GraphShapes.of}, but also for a network that declares a free image size and works at one size only, because its
   * exporter stored the size as a constant. The size is found by trying the usual ones.
   *
   * @returns the input with the size that was found, if one was needed
   * @throws UserError if the network works at none of them
   */
  static atItsSize(graph: OnnxGraph, input: ImageInput): { readonly input: ImageInput; readonly shapes: GraphShapes } {
    try {
      return { input, shapes: GraphShapes.of(graph, input) };
    } catch (error) {
      if (input.fixedSize !== undefined || !(error instanceof UserError)) throw error;
      for (const size of COMMON_SIZES) {
        const fixed = { ...input, fixedSize: [size, size] as const };
        const shapes = unlessImpossible(() => GraphShapes.of(graph, fixed));
        if (shapes !== undefined) return { input: fixed, shapes };
      }
      throw error;
    }
  }

  /** The dimensions of a tensor, null for those that depend on the input's size; `undefined` if the shape is not known. */
  dims(name: string): readonly (number | null)[] | undefined {
    const [a, b] = this.probes.map((probe) => probe.get(name)?.dims);
    if (a === undefined || b === undefined || a.length !== b.length) return undefined;
    const odd = this.odd?.get(name)?.dims ?? a;
    return a.map((dim, i) => (dim === b[i] && dim === odd[i] ? dim : null));
  }

  /** The elements of a small tensor that does not depend on the input's size. */
  values(name: string): readonly number[] | undefined {
    const [a, b] = this.probes.map((probe) => probe.get(name)?.values);
    const odd = this.odd === undefined ? a : this.odd.get(name)?.values;
    if (a === undefined || b === undefined || odd === undefined || a.length !== b.length || a.length !== odd.length) return undefined;
    return a.every((value, i) => value === b[i] && value === odd[i]) ? a : undefined;
  }

  /** Whether a tensor's first dimension is the batch. */
  batchLeads(name: string): boolean {
    return this.probes.every((probe, i) => probe.get(name)?.dims[0] === this.batches[i]);
  }

  /**
   * The distance of neighbours of a feature map [N, C, h, w] in pixels of the image, [vertical, horizontal]; `undefined` if the
   * tensor is not a feature map.
   */
  stride(name: string): Size | undefined {
    return this.strideAt(name, [2, 3]);
  }

  /** The same for a feature map [N, h, w, C]. */
  strideChannelsLast(name: string): Size | undefined {
    return this.layout.has(name) ? this.strideAt(name, [1, 2]) : undefined;
  }

  /** The stride of a grid that covers the image; only for a network that works at one size. */
  strideOfGrid([rows, columns]: Size): Size | undefined {
    const [first, second] = this.sizes;
    if (first[0] !== second[0] || first[1] !== second[1]) return undefined;
    return [Math.round(first[0] / rows), Math.round(first[1] / columns)];
  }

  private strideAt(name: string, axes: SpatialAxes): Size | undefined {
    const [a, b] = this.probes.map((probe) => probe.get(name)?.dims);
    const channelAxis = axes[0] === 1 ? 3 : 1;
    if (a === undefined || b === undefined || a.length !== 4 || a[channelAxis] !== b[channelAxis] || !this.batchLeads(name)) return undefined;
    const layout = this.layout.get(name);
    // If the axes of the image could not be tracked, they are still known from the free sizes.
    const certain = layout === undefined ? this.input.fixedSize === undefined : layout.axes[0] === axes[0] && layout.axes[1] === axes[1];
    if (!certain) return undefined;
    const along = (i: 0 | 1): number => {
      const pixels = this.sizes[1][i] - this.sizes[0][i];
      const cells = b[axes[i]] - a[axes[i]];
      if (pixels === 0) return a[axes[i]] === 1 ? Infinity : layout!.steps[i];
      return pixels / cells;
    };
    const stride: Size = [along(0), along(1)];
    return stride.every((step) => Number.isFinite(step) && step > 0) ? stride : undefined;
  }
}

/** The result, or `undefined` if the network does not work at the probed size. */
function unlessImpossible<T>(probe: () => T): T | undefined {
  try {
    return probe();
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
