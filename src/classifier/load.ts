import type { Prototypes } from './prototypes.js';
import type { ModelSpec } from './spec.js';
import { mergeSpecs, requireSpec, specSources } from './spec.js';
import { naming, UserError } from '../errors.js';
import { defaultModelPath } from '../package.js';
import { describeOutputs } from './network.js';
import { readModel } from '../onnx/file/read.js';
import { ClassifierGraph } from './classifier.js';

/** A classifier that was read from its file, with its specification. */
export interface LoadedClassifier {
  readonly path: string;
  readonly graph: ClassifierGraph;
  /** `logits` is the tensor that is used: if probabilities were named, the scores before them. */
  readonly spec: ModelSpec;
  /** Prototypes of its classes, for the method `prototype-cam`; see `withPrototypes`. */
  readonly prototypes?: Prototypes;
}

/**
 * Reads a classifier. Its preprocessing, class names and logits come from flags, from the file `<model>.json` or `.yaml`
 * next to it, or from its own metadata, in this order of preference.
 *
 * @param force accept a classifier with an untrained head
 * @throws UserError if one of them is missing, the model is not an image classifier, or its head is untrained
 */
export async function loadClassifier(path = defaultModelPath(), flags: Partial<ModelSpec> = {}, force = false): Promise<LoadedClassifier> {
  const model = await readModel(path);
  const merged = mergeSpecs(await specSources(model, path, flags));
  if (merged.untrained === true && !force) {
    throw new UserError(`the head of ${path} is untrained: its logits and maps mean nothing`, `train it with 'voc-seeds train --backbone ${path}', or use it anyway with --force`);
  }
  const spec = requireSpec(merged, path, ['logits', 'channelOrder', 'scale', 'mean', 'std', 'classes'], describeOutputs(model.graph));
  const graph = naming(path, () => new ClassifierGraph(model, spec.logits, spec.inputSize, spec.tokens));
  graph.requireClasses(spec.classes, path);
  return { path, graph, spec: { ...spec, logits: graph.logits } };
}
