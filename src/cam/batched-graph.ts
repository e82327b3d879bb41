import { UserError } from '../errors.js';
import type { ClassifierGraph } from '../classifier/classifier.js';
import { GraphBuilder } from '../onnx/builder.js';
import type { Value } from '../onnx/builder.js';
import { reachedFrom } from '../onnx/model.js';
import type { OnnxModel, OnnxNode } from '../onnx/model.js';
import { DataType } from '../onnx/tensor.js';
import { takesBatches } from './channel-graphs.js';

/** The input that says which image of the batch each class belongs to. */
export const CAM_IMAGES = 'cam/images';

/**
 * A CAM program for several images of one size. Each of the K classes belongs to one of the N images.
 *
 * The forward pass runs once for the batch. The rest of the program takes the values of the forward pass once per class, so it
 * computes what it would compute for a batch of K images.
 *
 * Inputs: the image [N, C, H, W], `cam/classes`, int64 [K], and `cam/images`, int64 [K], in 0..N-1.
 * Outputs: `cam/logits` [K, classes], and for the i-th request `cam/map_i` [K, h, w].
 *
 * @param program made by `buildCamGraph` for the classifier
 * @throws UserError if the network has a fixed batch, or mixes the images of a batch
 */
export function batchedCamGraph(classifier: ClassifierGraph, program: OnnxModel): OnnxModel {
  const { inputs, nodes: { length: forwardLength } } = classifier.model.graph;
  const b = new GraphBuilder(program.graph);
  const rest = b.nodes.splice(forwardLength);
  // They may have more outputs than in the classifier: pools with the positions of their maxima.
  const forward = [...b.nodes];
  const images = b.reserve(CAM_IMAGES);
  const perImage = reachedFrom(forward, classifier.input.name, false);
  const added = new Set(forward.flatMap(({ outputs }, i) => outputs.slice(classifier.model.graph.nodes[i].outputs.length)));
  const perClass = new Map<Value, Value>();
  const gathered = (name: Value): Value => {
    if (!perImage.has(name)) return name;
    if (!added.has(name) && !classifier.shapes.batchLeads(name)) throw refused(`the first dimension of its tensor '${name}' is not the batch`);
    const known = perClass.get(name) ?? b.gather(name, images, 0);
    perClass.set(name, known);
    return known;
  };
  if (!takesBatches(classifier)) throw refused('its graph has a fixed number of images');
  for (const node of rest) {
    b.nodes.push(readsSizeOnly(node) ? node : { ...node, inputs: node.inputs.map(gathered) });
  }
  return {
    ...program,
    graph: {
      ...program.graph, nodes: b.nodes, initializers: b.initializers,
      inputs: [
        ...inputs.map((input) => ({ ...input, shape: input.name === classifier.input.name ? input.shape?.with(0, null) : input.shape })),
        ...program.graph.inputs.slice(inputs.length), { name: images, type: DataType.int64, shape: ['K'] },
      ],
    },
  };
}

function refused(reason: string): UserError {
  return new UserError(`the network cannot process several images at once: ${reason}`, 'use --batch 1');
}

/** Whether a node reads only dimensions after the first, which are the same for one image and for a batch. */
function readsSizeOnly({ op, attributes }: OnnxNode): boolean {
  return op === 'Shape' && attributes.start?.kind === 'int' && attributes.start.value > 0;
}
