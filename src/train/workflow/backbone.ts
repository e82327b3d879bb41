import type { ModelSpec } from '../../classifier/spec.js';
import { mergeSpecs, MODEL_SPEC_KEY, requireSpec, specSources } from '../../classifier/spec.js';
import type { TrainConfig } from '../../settings/train.js';
import { naming, UserError } from '../../errors.js';
import { hashFile } from '../../jobs/files/hash.js';
import { dilate } from '../../classifier/dilate/dilate.js';
import type { FeatureLayer } from '../../classifier/layers.js';
import { resolveLayer } from '../../classifier/layers.js';
import type { OnnxNode } from '../../onnx/model.js';
import { NetworkGraph } from '../../classifier/network.js';
import { readModel } from '../../onnx/file/read.js';
import { LOGITS } from '../graphs.js';
import type { ClassSet } from '../../datasets/classes/class-set.js';
import { networkNotes } from '../../classifier/notes.js';
import type { TrainListener } from './listener.js';

/** The network that training starts from. */
export interface Backbone {
  readonly path: string;
  readonly hash: string;
  readonly network: NetworkGraph;
  /** The feature tensor that the head pools. */
  readonly layer: FeatureLayer;
  readonly spec: Pick<ModelSpec, 'channelOrder' | 'scale' | 'mean' | 'std' | 'inputSize'>;
  /** Whether it is already a trained classifier of the same classes, so that its head can be kept. */
  readonly isClassifier: boolean;
}

/**
 * Opens a backbone, with its last stages at another stride if the settings ask for one.
 *
 * @param given values that are not in its file, for instance its preprocessing
 * @throws UserError if it cannot be read, does not end in a feature map, or its preprocessing is unknown
 */
export async function openBackbone(
  path: string, config: TrainConfig, given: Partial<ModelSpec>, { classes }: ClassSet, { onMessage }: Pick<TrainListener, 'onMessage'> = {},
): Promise<Backbone> {
  const model = await readModel(path);
  const merged = mergeSpecs(await specSources(model, path, given));
  const spec = requireSpec(merged, path, ['channelOrder', 'scale', 'mean', 'std']);
  const target = spec.logits ?? model.graph.outputs[0]?.name ?? '';
  const whole = naming(path, () => new NetworkGraph(model, target, spec.inputSize));
  for (const note of networkNotes(path, whole)) onMessage?.(`note: ${note}`);
  const network = config.outputStride === undefined ? whole : new NetworkGraph(dilate(whole, config.outputStride), whole.target, spec.inputSize);
  // A head is a convolution, which needs [N, C, h, w].
  const maps = network.layers.filter(({ arrangement }) => arrangement.kind === 'channels-first');
  const layer = config.layer === undefined ? maps.findLast(({ cut }) => cut) ?? maps.at(-1) : resolveLayer(maps, config.layer);
  if (layer === undefined) throw new UserError(`${path} has no feature map that can be pooled`, 'use a network with feature maps [N, C, h, w]');
  const isClassifier = config.layer === undefined && spec.classes?.join('\n') === classes.join('\n') && spec.untrained !== true;
  const pools = config.mode === 'head' || !isClassifier;
  const [attends, coarser] = [attendsBehind(network.model.graph.nodes, layer.name), network.layers.find(({ stride }) => stride > layer.stride)];
  if (pools && config.layer === undefined && (attends || coarser !== undefined)) {
    throw new UserError(
      `the last feature map [N, C, h, w] of ${path} that can be pooled is '${layer.name}' (/${layer.stride}), but the network continues after it `
      + (attends ? 'with attention, as vision transformers do' : `in another layout, up to '${coarser?.name}' (/${coarser?.stride})`),
      `use a network that ends in feature maps [N, C, h, w], such as ResNet, ConvNeXt or Swin; or pool this one anyway: --layer ${layer.name}`,
    );
  }
  return { path, hash: await hashFile(path), network, layer, spec, isClassifier };
}

/** Whether attention follows after a layer: a product of two tensors that depend on it. */
function attendsBehind(nodes: readonly OnnxNode[], layer: string): boolean {
  const behind = new Set([layer]);
  for (const { op, domain, inputs, outputs } of nodes) {
    const own = inputs.filter((name) => behind.has(name));
    if (own.length === 0) continue;
    if (/Attention$/.test(op) || (domain === '' && (op === 'MatMul' || op === 'Einsum') && own.length === 2)) return true;
    for (const name of outputs) behind.add(name);
  }
  return false;
}

/** The metadata of a trained classifier. */
export function classifierMetadata({ spec }: Backbone, { classes }: ClassSet, logits = LOGITS): ReadonlyMap<string, string> {
  const { channelOrder, scale, mean, std, inputSize } = spec;
  const known = { logits, channelOrder, scale, mean, std, classes, ...(inputSize && { inputSize }) };
  return new Map([[MODEL_SPEC_KEY, JSON.stringify(known)]]);
}
