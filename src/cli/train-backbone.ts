import type { ModelSpec } from '../config/model-spec.js';
import { mergeSpecs, MODEL_SPEC_KEY, requireSpec, specSources } from '../config/model-spec.js';
import type { TrainConfig } from '../config/train.js';
import { naming, UserError } from '../errors.js';
import { hashFile } from '../jobs/hash.js';
import { dilate } from '../onnx/dilate.js';
import type { FeatureLayer } from '../onnx/layers.js';
import { resolveLayer } from '../onnx/layers.js';
import { NetworkGraph } from '../onnx/network.js';
import { readModel } from '../onnx/read.js';
import { LOGITS } from '../train/graphs.js';
import { VOC_CLASSES } from '../voc/classes.js';
import { sayNetworkNotes } from './model-notes.js';
import type { ModelFlags } from './model-options.js';
import { specOfFlags } from './model-options.js';

/** The network that training starts from. */
export interface Backbone {
  readonly path: string;
  readonly hash: string;
  readonly network: NetworkGraph;
  /** The feature tensor that the head pools. */
  readonly layer: FeatureLayer;
  readonly spec: Pick<ModelSpec, 'channelOrder' | 'scale' | 'mean' | 'std' | 'inputSize'>;
  /** Whether it is a trained classifier of the 20 VOC classes already, whose head can be kept. */
  readonly isClassifier: boolean;
}

/**
 * Opens the backbone that the settings name, with its last stages at another stride where that is asked for.
 *
 * @throws UserError where it cannot be read, has no feature map, or its preprocessing is not told
 */
export async function openBackbone(path: string, config: TrainConfig, flags: ModelFlags): Promise<Backbone> {
  const model = await readModel(path);
  const merged = mergeSpecs(await specSources(model, path, await specOfFlags(flags)));
  const spec = requireSpec(merged, path, ['channelOrder', 'scale', 'mean', 'std']);
  const target = spec.logits ?? model.graph.outputs[0]?.name ?? '';
  const whole = naming(path, () => new NetworkGraph(model, target, spec.inputSize));
  sayNetworkNotes(path, whole);
  const network = config.outputStride === undefined ? whole : new NetworkGraph(dilate(whole, config.outputStride), whole.target, spec.inputSize);
  // A head is a convolution: it wants [N, C, h, w].
  const maps = network.layers.filter(({ arrangement }) => arrangement.kind === 'channels-first');
  const layer = config.layer === undefined ? maps.findLast(({ cut }) => cut) ?? maps.at(-1) : resolveLayer(maps, config.layer);
  if (layer === undefined) throw new UserError(`${path} has no feature map that could be pooled`);
  return {
    path, hash: await hashFile(path), network, layer, spec,
    isClassifier: config.layer === undefined && spec.classes?.join() === VOC_CLASSES.join() && spec.untrained !== true,
  };
}

/** What a trained classifier says of itself. */
export function classifierMetadata({ spec }: Backbone, logits = LOGITS): ReadonlyMap<string, string> {
  const { channelOrder, scale, mean, std, inputSize } = spec;
  const known = { logits, channelOrder, scale, mean, std, classes: VOC_CLASSES, ...(inputSize && { inputSize }) };
  return new Map([[MODEL_SPEC_KEY, JSON.stringify(known)]]);
}
