import { loadGraph } from '../runtime/load-graph.js';
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

/** One graph for all requests of gradient methods: an image and classes in, small maps out. If the plan has a batch, runs are joined. */
export class GradientProgram {
  private constructor(private readonly session: Session, private readonly plan: GradientPlan, private readonly input: string) {}

  /** @param input the name of the image input */
  static async load(plan: GradientPlan, input: string, runtime: Runtime, options: SessionOptions): Promise<GradientProgram> {
    const batching = { size: plan.batch, images: input, rows: CAM_CLASSES, imageOfRow: CAM_IMAGES };
    return new GradientProgram(await loadGraph(runtime, plan.graph, options, batching), plan, input);
  }

  async run({ image, size: [height, width], classes }: CamInput): Promise<CamResult> {
    const { count, batch } = this.plan;
    const results = await this.session.run({
      [this.input]: { type: 'float32', dims: [1, image.length / (height * width), height, width], data: image },
      [CAM_CLASSES]: indices(classes),
      ...batch > 1 && { [CAM_IMAGES]: indices(classes.map(() => 0)) },
    });
    const logits = floatsOf(results[CAM_LOGITS]);
    return {
      // For a batch, the graph has one row per class, and those of one image are the same.
      logits: batch > 1 ? logits.slice(0, logits.length / classes.length) : logits,
      maps: Array.from({ length: count }, (_, i) => mapsOf(results[camOutput(i)])),
    };
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

function indices(values: readonly number[]): RuntimeTensor {
  return { type: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) };
}

/** [K, h, w] */
function mapsOf(tensor: RuntimeTensor): LayerMaps {
  const [, height, width] = tensor.dims;
  return { height, width, data: floatsOf(tensor) };
}

/** The numbers of a float32 tensor. */
export function floatsOf(tensor: RuntimeTensor): Float32Array {
  if (tensor.type !== 'float32') throw new TypeError(`expected a float32 tensor, got ${tensor.type}`);
  return tensor.data;
}
