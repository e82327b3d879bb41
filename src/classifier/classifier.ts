import { UserError } from '../errors.js';
import type { OnnxModel } from '../onnx/model.js';
import { NetworkGraph } from './network.js';
import type { Size } from '../size.js';

/** A network whose target is a vector of class scores. */
export class ClassifierGraph extends NetworkGraph {
  readonly classCount: number;

  /**
   * @param named the tensor of the class scores, [N, classes] or [N, classes, 1, 1]. If it contains probabilities, the scores
   *   before softmax or sigmoid are used instead
   * @param fixedSize the only size the network works at, if its file does not say so
   * @param tokenGrid the rows and columns of a vision transformer's tokens, if they cannot be found in its graph
   * @throws UserError if the model is not an image classifier of this kind
   */
  constructor(model: OnnxModel, named: string, fixedSize?: Size, tokenGrid?: Size) {
    super(model, named, fixedSize, tokenGrid);
    const dims = this.shapes.dims(this.logits);
    const classes = dims?.[1];
    if (dims === undefined || typeof classes !== 'number' || dims.slice(2).some((dim) => dim !== 1)) {
      throw new UserError(`'${this.logits}' has the shape [${dims?.map((dim) => dim ?? '?').join(', ') ?? '?'}]; logits are [N, classes]`, 'name another tensor with --logits NAME');
    }
    this.classCount = classes;
  }

  /** The tensor of the class scores before softmax or sigmoid. */
  get logits(): string {
    return this.target;
  }

  /** @throws UserError if the number of class names is not the number of logits */
  requireClasses(classes: readonly string[], path: string): void {
    if (classes.length === this.classCount) return;
    throw new UserError(`${path} has ${this.classCount} logits in '${this.logits}', but ${classes.length} class names are given`, 'list one name per logit: --classes FILE');
  }
}
