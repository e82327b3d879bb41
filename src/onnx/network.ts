import { UserError } from '../errors.js';
import { channelsFirst } from './channels-last.js';
import { withExplicitPads } from './explicit-pads.js';
import { foldConstants } from './fold.js';
import type { FeatureLayer } from './layers.js';
import { featureLayers, resolveLayer } from './layers.js';
import type { OnnxModel } from './model.js';
import { describeNode, neededFor } from './model.js';
import { requireFloatFeatures } from './quantised.js';
import type { ImageInput, Size } from './shapes.js';
import { GraphShapes, imageInput } from './shapes.js';
import { upgradeModel } from './upgrade.js';

/**
 * A network made ready to build on: in one operator set, its constants folded, reduced to what one of its tensors
 * depends on, with the shapes and feature layers known.
 */
export class NetworkGraph {
  readonly model: OnnxModel;
  readonly input: ImageInput;
  readonly shapes: GraphShapes;
  /** Every feature map between the image and the target, shallowest first. */
  readonly layers: readonly FeatureLayer[];
  /** The size was found out: the file declares a free one, but the network works at `input.fixedSize` only. */
  readonly sizeFound: boolean;

  /**
   * @param target the tensor of interest: logits, or the output of a backbone
   * @param fixedSize the only size the network works at, where its file does not say so
   * @param tokenGrid the rows and columns of a vision transformer's tokens, where its graph does not tell
   * @throws UserError where there is no such tensor, the model takes no image, or branches on the way
   */
  constructor(model: OnnxModel, readonly target: string, fixedSize?: Size, tokenGrid?: Size) {
    const upgraded = upgradeModel(model);
    const folded = withExplicitPads(foldConstants(channelsFirst(upgraded.graph)));
    if (!folded.nodes.some((node) => node.outputs.includes(target))) {
      throw new UserError(`the model has no tensor called '${target}'`, `its outputs are ${model.graph.outputs.map(({ name }) => name).join(', ')}; name the one with the class scores before softmax: --logits NAME`);
    }
    const graph = neededFor(folded, target);
    const branching = graph.nodes.find(({ attributes }) => Object.values(attributes).some(({ kind }) => kind === 'graph'));
    if (branching !== undefined) {
      throw new UserError(`${describeNode(branching)} holds a graph of its own (control flow), which is not supported`, 'export the model again for one fixed path, or simplify it with onnxsim');
    }
    requireFloatFeatures(graph);
    this.model = { ...upgraded, graph };
    const declared = imageInput(graph, fixedSize);
    const { input, shapes } = GraphShapes.atItsSize(graph, declared);
    this.input = input;
    this.sizeFound = input !== declared;
    this.shapes = shapes;
    this.layers = featureLayers(graph, shapes, { image: input.name, logits: target, tokenGrid });
  }

  /** The layers that names or stride aliases (`/16`) stand for, shallowest first; see {@link resolveLayer}. */
  resolveLayers(wanted: readonly string[]): FeatureLayer[] {
    const resolved = wanted.map((name) => resolveLayer(this.layers, name));
    const doubled = resolved.find((layer, i) => resolved.indexOf(layer) !== i);
    if (doubled !== undefined) throw new UserError(`the layer ${doubled.name} is named twice among the layers ${wanted.join(', ')}`);
    return resolved.sort((a, b) => this.layers.indexOf(a) - this.layers.indexOf(b));
  }
}
