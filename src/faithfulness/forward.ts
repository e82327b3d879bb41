import { CAM_LOGITS } from '../cam/gradient-graph.js';
import { floatsOf } from '../cam/gradient-program.js';
import { UserError } from '../errors.js';
import type { Perturbation, Picture } from '../metrics/faithfulness/perturb.js';
import { classScore } from '../metrics/faithfulness/score.js';
import type { ClassScore } from '../metrics/faithfulness/score.js';
import { loadGraph } from '../runtime/load-graph.js';
import type { Runtime, Session, SessionOptions } from '../runtime/runtime.js';

/** A classifier's forward pass for changed photographs, in batches. */
export class ForwardPass {
  private constructor(private readonly session: Session, private readonly input: string, private readonly batch: number) {}

  /**
   * @param graph a serialised graph, which may be in shared memory: image [N, C, H, W] in, `cam/logits` [N, classes] out
   * @param input the name of the image input
   * @param batch how many photographs run at once
   */
  static async load(graph: Uint8Array, input: string, batch: number, runtime: Runtime, options: SessionOptions): Promise<ForwardPass> {
    return new ForwardPass(await loadGraph(runtime, graph, options), input, batch);
  }

  /**
   * The scores of a class for changed photographs, in their order.
   *
   * @throws UserError if the network's results are not numbers
   */
  async scores({ data, size, fill }: Picture, logit: number, pictures: readonly Perturbation[]): Promise<ClassScore[]> {
    const scores: ClassScore[] = [];
    for (let start = 0; start < pictures.length; start += this.batch) {
      const batch = pictures.slice(start, start + this.batch);
      const tensor = new Float32Array(batch.length * data.length);
      batch.forEach((draw, i) => { draw(tensor.subarray(i * data.length, (i + 1) * data.length)); });
      const results = await this.session.run({ [this.input]: { type: 'float32', dims: [batch.length, fill.length, ...size], data: tensor } });
      const logits = floatsOf(results[CAM_LOGITS]);
      const classes = logits.length / batch.length;
      for (let i = 0; i < batch.length; i++) scores.push(scoreOf(logits.subarray(i * classes, (i + 1) * classes), logit));
    }
    return scores;
  }
}

/**
 * The score of a class.
 *
 * @throws UserError if the logits are not numbers
 */
export function scoreOf(logits: Float32Array, logit: number): ClassScore {
  try {
    return classScore(logits, logit);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(`the network gives no scores for this photograph: ${error.message}`, undefined, { cause: error });
  }
}
