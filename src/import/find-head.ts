import { UserError } from '../errors.js';
import type { StoredTensor } from '../formats/weights/stored-tensor.js';
import type { NetworkPlace } from './locate.js';
import { sameTensor } from './locate.js';
import { list } from './names.js';

/** The parameters of a network's own head. */
export interface FoundHead {
  /** By torchvision's names. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The names in the file that belong to it, including copies. */
  readonly used: readonly string[];
  /** The name of its last layer in the file; `undefined` for VGG's three layers. */
  readonly name?: string;
}

/** Usual names of a single linear layer after the pooling. */
const USUAL = /^(?:fc|fc8|classifier|classifier_head|head|head\.fc|heads\.head|cls|cls_head|linear|last_linear|logits|logit|newly_added\.0)$/;

/** The same if the layer is in a sequence with dropout and flattening. */
const IN_SEQUENCE = /^(fc|classifier|head|cls|cls_head|linear|last_linear)\.\d$/;

/** Parts of MoCo, whose `fc` is a projection and not a classifier. */
const MOCO = /(?:^|\.)(?:encoder_[qk]|momentum_encoder|queue|queue_ptr)(?:\.|$)/;

/** Layers of networks trained without labels. Networks with a classifier may also have some of them. */
const PROJECTION = /(?:^|\.)(?:projector|projection|projection_head|prototypes|predictor)(?:\.|$)/;

/** Torchvision's names of VGG's fully connected layers. */
const VGG_LAYERS = ['classifier.0', 'classifier.3', 'classifier.6'];

/** Looks for VGG's three fully connected layers, inside and outside the network's prefix. */
export function findVggHead({ prefix, others }: NetworkPlace): FoundHead | undefined {
  for (const outer of outerPrefixes(prefix)) {
    if (!others.has(`${outer}classifier.0.weight`) || !VGG_LAYERS.some((layer, i) => i > 0 && others.has(`${outer}${layer}.weight`))) continue;
    const found = [...others].filter(([name]) => name.startsWith(`${outer}classifier.`));
    return { tensors: new Map(found.map(([name, tensor]) => [name.slice(outer.length), tensor])), used: found.map(([name]) => name) };
  }
  return undefined;
}

/**
 * Looks for the linear layer that computes the logits from pooled features: a weight [C, F] or, as a 1x1 convolution,
 * [C, F, 1, 1], with or without bias, inside or outside the network's prefix. It is a layer with a usual name, or else the
 * only such layer. The result is `undefined` if its name or the names around it show that it is not a classifier.
 *
 * @param channels of the network's last feature map, `null` if unknown
 * @param target torchvision's name of the layer, for instance `fc`; its parameters are renamed to it
 * @param wanted its name in the file, if the user has given one
 * @throws UserError if there are several, or none is called `wanted`
 */
export async function findLinearHead(
  place: NetworkPlace, channels: number | null, target: string, wanted: string | undefined, source: string,
): Promise<FoundHead | undefined> {
  const { others, prefix } = place;
  const layers = [...others].flatMap(([name, { shape }]): string[] => {
    const linear = (shape.length === 2 || (shape.length === 4 && shape[2] === 1 && shape[3] === 1)) && (channels === null || shape[1] === channels);
    return linear && name.endsWith('.weight') ? [name.slice(0, -'.weight'.length)] : [];
  });
  if (wanted !== undefined) {
    const named = others.has(`${wanted}.weight`) ? wanted : undefined;
    if (named === undefined) throw new UserError(`${source} has no layer '${wanted}' outside the network`, layers.length > 0 ? `linear layers with ${channels ?? 'matching'} inputs: ${list(layers)}` : undefined);
    return headOf(others, named, target, layers);
  }
  const usual = [...others.keys()].filter((name) => name.endsWith('.weight')).map((name) => name.slice(0, -'.weight'.length)).filter((layer) => isUsual(layer, place));
  const fitting = usual.filter((layer) => layers.includes(layer));
  const candidates = fitting.length > 0 ? fitting : usual.filter((layer) => others.get(`${layer}.weight`)!.shape.length > 1);
  const alone = candidates.length === 0 && !layers.some((layer) => PROJECTION.test(layer))
    && withoutBias(others).every((name) => layers.includes(name.slice(0, -'.weight'.length)));
  const different = await distinct(alone ? layers : candidates, others);
  if (different.length === 0 || signOf(MOCO, place) !== undefined) return undefined;
  if (different.length > 1) {
    throw new UserError(`${source} has several layers that may be the classifier: ${list(different)}`, `name the one of '${prefix}*' with --classifier NAME, or use a new one with --head gap`);
  }
  return headOf(others, different[0], target, layers);
}

/** A name that shows that the network was trained without labels. */
export function selfSupervised(place: NetworkPlace): string | undefined {
  return signOf(MOCO, place) ?? signOf(PROJECTION, place);
}

function signOf(sign: RegExp, { prefix, dictionary }: NetworkPlace): string | undefined {
  return [prefix, ...dictionary.tensors.keys()].find((name) => sign.test(name));
}

async function headOf(others: NetworkPlace['others'], name: string, target: string, layers: readonly string[]): Promise<FoundHead> {
  const weight = others.get(`${name}.weight`)!;
  const bias = others.get(`${name}.bias`);
  const copies: string[] = [];
  for (const layer of layers) if (layer !== name && await sameTensor(weight, others.get(`${layer}.weight`)!)) copies.push(layer);
  return {
    name, used: [name, ...copies].flatMap((layer) => [`${layer}.weight`, `${layer}.bias`]),
    tensors: new Map([[`${target}.weight`, weight], ...bias === undefined ? [] : [[`${target}.bias`, bias] as const]]),
  };
}

/** The first of each group of layers with the same weights. */
async function distinct(layers: readonly string[], others: NetworkPlace['others']): Promise<string[]> {
  const kept: string[] = [];
  for (const layer of layers) {
    const tensor = others.get(`${layer}.weight`)!;
    let copy = false;
    for (const other of kept) copy ||= await sameTensor(tensor, others.get(`${other}.weight`)!);
    if (!copy) kept.push(layer);
  }
  return kept;
}

function isUsual(layer: string, { prefix, others }: NetworkPlace): boolean {
  return outerPrefixes(prefix).some((outer) => {
    if (!layer.startsWith(outer)) return false;
    const name = layer.slice(outer.length);
    if (USUAL.test(name)) return true;
    const sequence = IN_SEQUENCE.exec(name)?.[1];
    // With other layers in the sequence, it would not be linear.
    return sequence !== undefined && [...others.keys()].filter((each) => each.startsWith(`${outer}${sequence}.`) && each.endsWith('.weight')).length === 1;
  });
}

/** The names of all tensors that are neither biases nor counters. */
function withoutBias(others: NetworkPlace['others']): string[] {
  return [...others].filter(([name, { shape }]) => shape.length > 0 && !/(?:\.bias|num_batches_tracked)$/.test(name)).map(([name]) => name);
}

/** A prefix and all outer ones: for `a.b.` these are `a.b.`, `a.` and the empty one. */
export function outerPrefixes(prefix: string): string[] {
  const parts = prefix.split('.').slice(0, -1);
  return [...parts.map((_, i) => `${parts.slice(0, parts.length - i).join('.')}.`), ''];
}
