import { ownBytes } from '../jobs/workers/shared-bytes.js';
import type { Size } from '../size.js';
import type { Runtime, RuntimeTensor, Session, SessionOptions } from '../runtime/runtime.js';
import type { LayerMaps } from './layer-maps.js';
import { CAM_IMAGES } from './batched-graph.js';
import { CAM_CLASSES, CAM_LOGITS, camOutput } from './gradient-graph.js';

/** What a CAM program gives for one image. */
export interface CamResult {
  /** [classes] */
  readonly logits: Float32Array;
  /** The maps [K, h, w] of each request, in the order of the given classes. */
  readonly maps: readonly LayerMaps[];
}

/** A graph for all methods that need the network once; plain data. The graph is serialised and in shared memory. */
export interface GradientPlan {
  /** Made by {@link buildCamGraph}; if `batch` is larger than 1, by {@link batchedCamGraph}. */
  readonly graph: Uint8Array;
  /** The number of requests. */
  readonly count: number;
  /** The largest number of images in a run. */
  readonly batch: number;
}

/** An image for a CAM program. */
export interface CamInput {
  /** NCHW [1, C, H, W], normalised for the classifier. */
  readonly image: Float32Array;
  /** [H, W] */
  readonly size: Size;
  /** Indices of logits, at least one. */
  readonly classes: readonly number[];
}

/** One graph for all requests of gradient methods: images and classes in, small maps out. */
export class GradientProgram {
  /** For the images of a batch: new memory of this size takes as long as the copy. One batch runs at a time. */
  private buffer = new Float32Array();

  private constructor(private readonly session: Session, private readonly plan: GradientPlan, private readonly input: string) {}

  /** @param input the name of the image input */
  static async load(plan: GradientPlan, input: string, runtime: Runtime, options: SessionOptions): Promise<GradientProgram> {
    return new GradientProgram(await runtime.load(ownBytes(plan.graph), options), plan, input);
  }

  /**
   * @param inputs images of one size; more than one only if the plan has a batch
   * @returns the result of each
   */
  async run(inputs: readonly CamInput[]): Promise<CamResult[]> {
    const { count, batch } = this.plan;
    const [{ size: [height, width], image }] = inputs;
    const channels = image.length / (height * width);
    const results = await this.session.run({
      [this.input]: { type: 'float32', dims: [inputs.length, channels, height, width], data: this.joined(inputs.map((own) => own.image)) },
      [CAM_CLASSES]: indices(inputs.flatMap(({ classes }) => classes)),
      ...batch > 1 && { [CAM_IMAGES]: indices(inputs.flatMap(({ classes }, i) => classes.map(() => i))) },
    });
    const logits = floatsOf(results[CAM_LOGITS]);
    const total = inputs.reduce((sum, { classes }) => sum + classes.length, 0);
    const classCount = logits.length / (batch > 1 ? total : 1);
    let row = 0;
    return inputs.map(({ classes }) => {
      const start = row;
      row += classes.length;
      return {
        // In a batch there is one row per class, and those of one image are the same.
        logits: batch > 1 ? logits.slice(start * classCount, (start + 1) * classCount) : logits,
        maps: Array.from({ length: count }, (_, i) => rows(results[camOutput(i)], start, row)),
      };
    });
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  private joined(images: readonly Float32Array[]): Float32Array {
    if (images.length === 1) return images[0];
    const length = images.reduce((sum, image) => sum + image.length, 0);
    if (this.buffer.length < length) this.buffer = new Float32Array(length);
    let end = 0;
    for (const image of images) {
      this.buffer.set(image, end);
      end += image.length;
    }
    return this.buffer.subarray(0, length);
  }
}

function indices(values: readonly number[]): RuntimeTensor {
  return { type: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) };
}

/** The maps of some classes. */
function rows(tensor: RuntimeTensor, start: number, end: number): LayerMaps {
  const [count, height, width] = tensor.dims;
  const data = floatsOf(tensor);
  return { height, width, data: end - start === count ? data : data.slice(start * height * width, end * height * width) };
}

/** The numbers of a float32 tensor. */
export function floatsOf(tensor: RuntimeTensor): Float32Array {
  if (tensor.type !== 'float32') throw new TypeError(`expected a float32 tensor, got ${tensor.type}`);
  return tensor.data;
}
