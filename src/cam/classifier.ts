import { UserError } from '../errors.js';
import { foldConstants } from '../onnx/fold.js';
import type { FeatureLayer } from '../onnx/layers.js';
import { featureLayers, resolveLayer } from '../onnx/layers.js';
import type { OnnxModel } from '../onnx/model.js';
import { ancestors } from '../onnx/model.js';
import type { ImageInput, Size } from '../onnx/shapes.js';
import { GraphShapes, imageInput } from '../onnx/shapes.js';
import { upgradeModel } from '../onnx/upgrade.js';

/**
 * A classifier's graph made ready to build on: in one operator set, its constants folded, reduced to what its logits
 * depend on, with the shapes and feature layers known.
 */
export class ClassifierGraph {
  readonly model: OnnxModel;
  readonly input: ImageInput;
  readonly shapes: GraphShapes;
  readonly layers: readonly FeatureLayer[];
  /** The number of logits. */
  readonly classCount: number;

  /**
   * @param logits the tensor [N, classes] (or [N, classes, 1, 1]) that holds the class scores before softmax or sigmoid
   * @param fixedSize the only size the network works at, where its file does not say so
   * @throws UserError where the model is no image classifier of this kind
   */
  constructor(model: OnnxModel, readonly logits: string, fixedSize?: Size) {
    const upgraded = upgradeModel(model);
    const folded = foldConstants(upgraded.graph);
    const made = folded.nodes.some((node) => node.outputs.includes(logits));
    if (!made) {
      throw new UserError(`the model has no tensor called '${logits}'`, `its outputs are ${model.graph.outputs.map(({ name }) => name).join(', ')}; name the one with the class scores before softmax: --logits NAME`);
    }
    const nodes = ancestors(folded.nodes, [logits]);
    const used = new Set(nodes.flatMap(({ inputs }) => inputs));
    const initializers = new Map([...folded.initializers].filter(([name]) => used.has(name)));
    this.model = { ...upgraded, graph: { ...folded, nodes, initializers } };
    this.input = imageInput(this.model.graph, fixedSize);
    this.shapes = GraphShapes.of(this.model.graph, this.input);
    this.layers = featureLayers(this.model.graph, this.shapes, this.input.name, logits);
    const dims = this.shapes.dims(logits);
    const classes = dims?.[1];
    if (dims === undefined || typeof classes !== 'number' || dims.slice(2).some((dim) => dim !== 1)) {
      throw new UserError(`'${logits}' is of shape [${dims?.map((dim) => dim ?? '?').join(', ') ?? '?'}]; logits are [N, classes]`, 'name another tensor with --logits NAME');
    }
    this.classCount = classes;
  }

  /** The layers that names or stride aliases (`/16`) stand for; see {@link resolveLayer}. */
  resolveLayers(wanted: readonly string[]): FeatureLayer[] {
    const resolved = wanted.map((name) => resolveLayer(this.layers, name));
    const doubled = resolved.find((layer, i) => resolved.indexOf(layer) !== i);
    if (doubled !== undefined) throw new UserError(`the layer ${doubled.name} is named twice among the layers ${wanted.join(', ')}`);
    return resolved.sort((a, b) => this.layers.indexOf(a) - this.layers.indexOf(b));
  }

  /** @throws UserError where the number of class names is not the number of logits */
  requireClasses(classes: readonly string[], path: string): void {
    if (classes.length === this.classCount) return;
    throw new UserError(`${path} has ${this.classCount} logits in '${this.logits}', but ${classes.length} class names are given`, 'list one name per logit: --classes FILE');
  }
}
