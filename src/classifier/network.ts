import { UserError } from '../errors.js';
import { channelsFirst } from '../onnx/rewrite/channels-last.js';
import { withExplicitPads } from '../onnx/rewrite/explicit-pads.js';
import type { FinalActivation } from './final-activation.js';
import { describeActivation, finalActivation } from './final-activation.js';
import { foldConstants } from '../onnx/rewrite/fold.js';
import { withFreeBatch } from '../onnx/rewrite/free-batch.js';
import { forwardPath } from './forward-path.js';
import type { FeatureLayer } from './layers.js';
import { featureLayers, resolveLayer } from './layers.js';
import type { OnnxGraph, OnnxModel, OnnxNode } from '../onnx/model.js';
import { describeNode, neededFor } from '../onnx/model.js';
import { requireInference, requireKnownOperators } from './operators.js';
import { withPlanes } from '../onnx/rewrite/planes.js';
import { requireFloatFeatures } from '../onnx/rewrite/quantised.js';
import type { ImageInput } from '../onnx/shapes/shapes.js';
import type { Size } from '../size.js';
import { GraphShapes, imageInput } from '../onnx/shapes/shapes.js';
import { inSinglePrecision } from '../onnx/rewrite/single-precision.js';
import { upgradeModel } from '../onnx/rewrite/upgrade.js';

/**
 * A network prepared for building on: in one operator set and single precision, with a free batch, with constants folded, reduced
 * to what one of its tensors depends on, and with known shapes and feature layers.
 */
export class NetworkGraph {
  readonly model: OnnxModel;
  /** The output tensor: the one that was named, or the scores before its {@link activation}. */
  readonly target: string;
  readonly input: ImageInput;
  readonly shapes: GraphShapes;
  /** Every feature map between the image and the target, shallowest first. */
  readonly layers: readonly FeatureLayer[];
  /** Whether the file declares a free size, but the network works at `input.fixedSize` only. */
  readonly sizeFound: boolean;
  /** The batch size that the file declares, if it is larger than 1. Here the batch is free. */
  readonly declaredBatch: number | undefined;
  /** The activation function that produces the named tensor; `target` is the tensor before it. */
  readonly activation: FinalActivation | undefined;

  /**
   * @param named the tensor of interest: logits, or the output of a backbone. If it contains probabilities, the scores before
   *   Softmax, LogSoftmax or Sigmoid are used instead
   * @param fixedSize the only size the network works at, if its file does not say so
   * @param tokenGrid the rows and columns of a vision transformer's tokens, if they cannot be found in its graph
   * @throws UserError if there is no such tensor, the model has no image input, or there is control flow or an unknown operator
   *   between the two
   */
  constructor(model: OnnxModel, named: string, fixedSize?: Size, tokenGrid?: Size) {
    const { model: prepared, declaredBatch } = prepare(model, named);
    const declared = imageInput(prepared.graph, fixedSize);
    const { input, shapes } = GraphShapes.atItsSize(prepared.graph, declared);
    const activation = scores(shapes, named) === undefined ? undefined : finalActivation(model.graph, named);
    const { graph, target } = activation === undefined
      ? { graph: prepared.graph, target: named }
      : beforeActivation(prepared.graph, shapes, activation);
    const path = forwardPath(graph, input.name, target);
    requireInference(path);
    this.model = { ...prepared, graph };
    this.target = target;
    this.activation = activation;
    this.declaredBatch = declaredBatch;
    this.input = input;
    this.sizeFound = input !== declared;
    this.shapes = shapes;
    this.layers = featureLayers(graph, shapes, { image: input.name, logits: target, tokenGrid });
  }

  /** The layers with these names or stride aliases (`/16`), shallowest first; see {@link resolveLayer}. */
  resolveLayers(wanted: readonly string[]): FeatureLayer[] {
    const resolved = wanted.map((name) => resolveLayer(this.layers, name));
    const doubled = resolved.find((layer, i) => resolved.indexOf(layer) !== i);
    if (doubled !== undefined) throw new UserError(`the layer ${doubled.name} is named twice among the layers ${wanted.join(', ')}`);
    return resolved.sort((a, b) => this.layers.indexOf(a) - this.layers.indexOf(b));
  }
}

/** Converts a model to the form that graphs are built on, reduced to the part that a tensor depends on. */
function prepare(model: OnnxModel, target: string): { readonly model: OnnxModel; readonly declaredBatch: number | undefined } {
  if (!model.graph.nodes.some((node) => node.outputs.includes(target))) {
    throw new UserError(`the model has no tensor called '${target}'`, `${describeOutputs(model.graph)}; name the one with the class scores before softmax: --logits NAME`);
  }
  const upgraded = upgradeModel({ ...model, graph: neededFor(model.graph, target) });
  const folded = neededFor(foldConstants(channelsFirst(inSinglePrecision(upgraded.graph))), target);
  const branching = folded.nodes.find(({ attributes }) => Object.values(attributes).some(({ kind }) => kind === 'graph'));
  if (branching !== undefined) {
    throw new UserError(`${describeNode(branching)} contains a subgraph (control flow), which is not supported`, 'export the model for one fixed path, or simplify it with onnxsim');
  }
  requireFloatFeatures(folded);
  requireKnownOperators(forwardPath(folded, folded.inputs[0]?.name ?? '', target));
  const { graph: freed, declaredBatch } = withFreeBatch(folded, target);
  return { model: { ...upgraded, graph: neededFor(withPlanes(withExplicitPads(freed)), target) }, declaredBatch };
}

/** The outputs of a graph, for messages, with the class scores before those that contain probabilities. */
export function describeOutputs(graph: OnnxGraph): string {
  const outputs = graph.outputs.map(({ name }) => {
    const activation = finalActivation(graph, name);
    return activation === undefined ? name : `${name} (after ${activation.op}; the scores before it are '${activation.before}')`;
  });
  return `its outputs are ${outputs.join(', ')}`;
}

/** The number of class scores in a tensor [N, classes] or [N, classes, 1, ...]; `undefined` for others. */
function scores(shapes: GraphShapes, name: string): number | undefined {
  const [, classes, ...rest] = shapes.dims(name) ?? [];
  return typeof classes === 'number' && rest.every((dim) => dim === 1) ? classes : undefined;
}

/** The part of a graph that the scores before an activation depend on, and their name. */
function beforeActivation(
  graph: OnnxGraph, shapes: GraphShapes, activation: FinalActivation,
): { readonly graph: OnnxGraph; readonly target: string } {
  const { of, before, parts, alone } = activation;
  if (scores(shapes, before) === scores(shapes, of)) return { graph: neededFor(graph, before), target: before };
  if (!alone || parts.some((part) => shapes.dims(part.before)?.length !== shapes.dims(part.made)?.length)) {
    throw new UserError(`${describeActivation(activation)}, but '${before}' before it has another shape`, 'export the model without its last activation');
  }
  // The scores are reshaped or joined after the activation: remove only the activation.
  const sources = new Map(parts.map((part) => [part.made, part.before]));
  const nodes = graph.nodes.map((node): OnnxNode => {
    const source = sources.get(node.outputs[0]);
    return source === undefined ? node : { ...node, op: 'Identity', domain: '', inputs: [source], attributes: {} };
  });
  return { graph: neededFor({ ...graph, nodes }, of), target: of };
}
