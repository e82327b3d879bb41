import type { Size } from '../onnx/shapes.js';
import type { Runtime, RuntimeTensor, Session, SessionOptions } from '../runtime/runtime.js';
import type { LayerMaps } from './fusion.js';
import { CAM_CLASSES, CAM_LOGITS, camOutput } from './program-graph.js';

/** What one run of a CAM program gives. */
export interface CamResult {
  /** Per layer, shallowest first: the maps [K, h, w] in the order of the classes asked for. */
  readonly layers: readonly LayerMaps[];
  /** [classes] */
  readonly logits: Float32Array;
}

/**
 * A CAM program loaded into a runtime: image and classes in, small maps out.
 *
 * ```ts
 * const graph = buildCamGraph(classifier, classifier.resolveLayers(['/16', '/32']), layerCam);
 * const program = await CamProgram.load(serializeModel(graph), classifier.input.name, 2, ortRuntime, { threads: 2 });
 * const { layers } = await program.run(tensor, [320, 427], [7, 14]);
 * ```
 */
export class CamProgram {
  private constructor(private readonly session: Session, private readonly input: string, private readonly layerCount: number) {}

  /**
   * @param graph a serialised graph made by {@link buildCamGraph}
   * @param input the name of its image input
   * @param layerCount the number of layers it was built for
   */
  static async load(graph: Uint8Array, input: string, layerCount: number, runtime: Runtime, options: SessionOptions): Promise<CamProgram> {
    return new CamProgram(await runtime.load(graph, options), input, layerCount);
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
      logits: floats(results[CAM_LOGITS]),
      layers: Array.from({ length: this.layerCount }, (_, i) => {
        const tensor = results[camOutput(i)];
        const [, h, w] = tensor.dims;
        return { height: h, width: w, data: floats(tensor) };
      }),
    };
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

function floats(tensor: RuntimeTensor): Float32Array {
  if (tensor.type !== 'float32') throw new TypeError('a CAM program returns floats');
  return tensor.data;
}
