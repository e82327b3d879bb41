import { UserError } from '../errors.js';
import type { OnnxModel } from '../onnx/model.js';
import { NetworkGraph } from './network.js';
import type { Size } from '../size.js';

/** A network whose target is a vector of class scores. */
export class ClassifierGraph extends NetworkGraph {
  /** The number of logits. */
  readonly classCount: number;

  /**
   * @param named the tensor [N, classes] (or [N, classes, 1, 1]) that holds the class scores; of probabilities, the scores before
   *   softmax or sigmoid are taken
   * @param fixedSize the only size the network works at, where its file does not say so
   * @param tokenGrid the rows and columns of a vision transformer's tokens, where its graph does not tell
   * @throws UserError where the model is no image classifier of this kind
   */
  constructor(model: OnnxModel, named: string, fixedSize?: Size, tokenGrid?: Size) {
    super(model, named, fixedSize, tokenGrid);
    const dims = this.shapes.dims(this.logits);
    const classes = dims?.[1];
    if (dims === undefined || typeof classes !== 'number' || dims.slice(2).some((dim) => dim !== 1)) {
      throw new UserError(`'${this.logits}' is of shape [${dims?.map((dim) => dim ?? '?').join(', ') ?? '?'}]; logits are [N, classes]`, 'name another tensor with --logits NAME');
    }
    this.classCount = classes;
  }

  /** The tensor that holds the class scores before softmax or sigmoid. */
  get logits(): string {
    return this.target;
  }

  /** @throws UserError where the number of class names is not the number of logits */
  requireClasses(classes: readonly string[], path: string): void {
    if (classes.length === this.classCount) return;
    throw new UserError(`${path} has ${this.classCount} logits in '${this.logits}', but ${classes.length} class names are given`, 'list one name per logit: --classes FILE');
  }
}
