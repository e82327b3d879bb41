import type { Size } from '../size.js';
import type { Runtime, RuntimeTensor, Session, SessionOptions } from '../runtime/runtime.js';
import type { LayerMaps } from './layer-maps.js';
import { CAM_CLASSES, CAM_LOGITS, camOutput } from './gradient-graph.js';

/** Stands where no map was asked for. */
export const NO_MAPS: LayerMaps = { height: 0, width: 0, data: new Float32Array() };

/** What a CAM program gives for one image. */
export interface CamResult {
  /** [classes] */
  readonly logits: Float32Array;
  /**
   * Per method, in the order asked for, and per layer, shallowest first: the maps [K, h, w] in the order of the classes
   * asked for; 0 x 0 where a method was not asked for at a layer.
   */
  readonly maps: readonly (readonly LayerMaps[])[];
}

/** All gradient methods at all layers: image and classes in, small maps out, in one run of one graph. */
export class GradientProgram {
  private constructor(
    private readonly session: Session, private readonly input: string, private readonly methodCount: number, private readonly layerCount: number,
  ) {}

  /**
   * @param graph a serialised graph made by {@link buildCamGraph}
   * @param input the name of its image input
   * @param counts the methods and layers it was built for
   */
  static async load(
    graph: Uint8Array, input: string, counts: { readonly methods: number; readonly layers: number }, runtime: Runtime, options: SessionOptions,
  ): Promise<GradientProgram> {
    return new GradientProgram(await runtime.load(graph, options), input, counts.methods, counts.layers);
  }

  /**
   * @param image NCHW [1, 3, H, W], normalised as the classifier wants it
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
      maps: Array.from({ length: this.methodCount }, (_, m) => Array.from({ length: this.layerCount }, (__, l) => {
        const name = camOutput(m, l);
        if (!(name in results)) return NO_MAPS;
        const tensor = results[name];
        const [, h, w] = tensor.dims;
        return { height: h, width: w, data: floatsOf(tensor) };
      })),
    };
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

/** The numbers of a tensor that is known to hold floats. */
export function floatsOf(tensor: RuntimeTensor): Float32Array {
  if (tensor.type !== 'float32') throw new TypeError('floats are expected');
  return tensor.data;
}
