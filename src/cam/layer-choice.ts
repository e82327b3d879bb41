import type { CamMethodName } from './names.js';
import { CAM_METHODS, DEFAULT_LAYERS } from './names.js';
import { UserError } from '../errors.js';
import { didYouMean } from '../text/nearest.js';
import { strideAliases } from '../classifier/layers.js';
import type { ClassifierGraph } from '../classifier/classifier.js';
import type { CamRequest } from './plan.js';

/** One map to fuse: which method at which layer. */
export interface LayerChoice {
  readonly layer: string;
  readonly method: CamMethodName;
}

/** The maps that are fused. */
export interface ChosenLayers {
  /** Shallowest first. */
  readonly requests: readonly CamRequest[];
  /** Full names: `tensor@method`. */
  readonly names: readonly string[];
  /** Default layers that were left out because the network does not have them. */
  readonly missing: readonly string[];
}

/**
 * Parses `/16`, a tensor's name, or either followed by its own method: `/32@grad-cam`.
 *
 * @throws UserError if a stride has a method that does not exist
 */
export function parseLayerChoice(text: string, method: CamMethodName): LayerChoice {
  const at = text.lastIndexOf('@');
  const own = CAM_METHODS.find((name) => name === text.slice(at + 1));
  // The name of a tensor may contain an @, a stride does not.
  if (own === undefined && /^\/\d+@/.test(text)) {
    throw new UserError(`there is no method '${text.slice(at + 1)}' for the layer ${text}`, didYouMean(text.slice(at + 1), CAM_METHODS));
  }
  return at > 0 && own !== undefined ? { layer: text.slice(0, at), method: own } : { layer: text, method };
}

/**
 * Finds the layers of a list such as `['/8', '/16', '/32@grad-cam']`.
 *
 * Of the default list, strides that the network does not have (for example after dilation) are left out, as long as one
 * remains.
 *
 * @param wanted layers with or without their own method
 * @param method of the layers without their own
 * @throws UserError if there is no such layer, or a layer is named twice with one method
 */
export function chooseLayers(classifier: ClassifierGraph, wanted: readonly string[], method: CamMethodName): ChosenLayers {
  const missing = missingDefaults(classifier, wanted);
  const choices = wanted.filter((text) => !missing.includes(text)).map((text) => parseLayerChoice(text, method));
  const layers = classifier.resolveLayers([...new Set(choices.map(({ layer }) => layer))]);
  const methods = [...new Set(choices.map((choice) => choice.method))];
  const requests = choices.map((choice): CamRequest => ({ layer: classifier.resolveLayers([choice.layer])[0], method: choice.method }))
    .sort((a, b) => layers.indexOf(a.layer) - layers.indexOf(b.layer) || methods.indexOf(a.method) - methods.indexOf(b.method));
  const names = requests.map(({ layer, method: own }) => `${layer.name}@${own}`);
  const doubled = names.find((name, i) => names.indexOf(name) !== i);
  if (doubled !== undefined) throw new UserError(`the layer ${doubled} is named twice among the layers ${wanted.join(', ')}`);
  return { requests, names, missing };
}

function missingDefaults({ layers }: ClassifierGraph, wanted: readonly string[]): readonly string[] {
  // Presets name the same strides, some with their own method.
  const strides = wanted.map((text) => parseLayerChoice(text, 'layer-cam').layer);
  if (strides.join() !== DEFAULT_LAYERS.join()) return [];
  const aliases = strideAliases(layers);
  const missing = wanted.filter((_, i) => !aliases.has(strides[i]));
  return missing.length < wanted.length ? missing : [];
}
