import type { Size } from '../size.js';
import type { Runtime, RuntimeTensor, Session, SessionOptions } from '../runtime/runtime.js';
import type { LayerMaps } from './layer-maps.js';
import { CAM_CLASSES, CAM_LOGITS, camOutput } from './gradient-graph.js';

/** What a CAM program gives for one image. */
export interface CamResult {
  /** [classes] */
  readonly logits: Float32Array;
  /** The maps [K, h, w] of each request, in the order of the given classes. */
  readonly maps: readonly LayerMaps[];
}

/** One graph for all requests of gradient methods: image and classes in, small maps out. */
export class GradientProgram {
  private constructor(private readonly session: Session, private readonly input: string, private readonly count: number) {}

  /**
   * @param graph a serialised graph made by {@link buildCamGraph}
   * @param input the name of its image input
   * @param count the number of requests that it was built for
   */
  static async load(graph: Uint8Array, input: string, count: number, runtime: Runtime, options: SessionOptions): Promise<GradientProgram> {
    return new GradientProgram(await runtime.load(graph, options), input, count);
  }

  /**
   * @param image NCHW [1, 3, H, W], normalised for the classifier
   * @param classes indices of logits, at least one
   */
  async run(image: Float32Array, [height, width]: Size, classes: readonly number[]): Promise<CamResult> {
    const channels = image.length / (height * width);
    const results = await this.session.run({
      [this.input]: { type: 'float32', dims: [1, channels, height, width], data: image },
      [CAM_CLASSES]: { type: 'int64', dims: [classes.length], data: BigInt64Array.from(classes, BigInt) },
    });
    return {
      logits: floatsOf(results[CAM_LOGITS]),
      maps: Array.from({ length: this.count }, (_, i) => {
        const tensor = results[camOutput(i)];
        const [, h, w] = tensor.dims;
        return { height: h, width: w, data: floatsOf(tensor) };
      }),
    };
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

/** The numbers of a float32 tensor. */
export function floatsOf(tensor: RuntimeTensor): Float32Array {
  if (tensor.type !== 'float32') throw new TypeError(`expected a float32 tensor, got ${tensor.type}`);
  return tensor.data;
}
