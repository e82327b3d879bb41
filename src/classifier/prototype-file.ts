import { createHash } from 'node:crypto';
import { z } from 'zod';
import { messageOf, UserError } from '../errors.js';
import { decodeNpz, encodeNpz, NpyError } from '../formats/numpy/npz.js';
import type { NpzArrays } from '../formats/numpy/npz.js';
import { hashFile } from '../jobs/files/hash.js';
import { readRegularFile } from '../jobs/files/read-file.js';
import { requireWithin } from '../limits.js';
import { defaultPrototypesPath } from '../package.js';
import type { LoadedClassifier } from './load.js';
import { classVectors } from './prototypes.js';
import type { LayerCentres } from './prototypes.js';
import { modelSpecSchema } from './spec.js';

/** What a file of prototypes says about them. */
export const prototypeInfoSchema = z.object({
  format: z.literal('voc-seeds prototypes 1'),
  /** The SHA-256 of the classifier's file, its class names in the order of its logits, and its preprocessing. */
  model: z.string(),
  classes: modelSpecSchema.shape.classes,
  preprocessing: modelSpecSchema.pick({ logits: true, channelOrder: true, scale: true, mean: true, std: true }),
  /** The tensor names of the layers. */
  layers: z.array(z.string()),
  /** The size of photographs at the network, positions of each photograph, centres of each class. */
  inputSize: z.string(),
  positions: z.number(),
  centres: z.number(),
  /** A centre is positive if the mean of the class's map at its members is at least this share of the best centre's. */
  positive: z.number(),
  /** The layer and method of these maps. */
  guide: z.string(),
  seed: z.number(),
  /** The number of photographs, and the SHA-256 of their names and classes. */
  photographs: z.number(),
  list: z.string(),
});

export type PrototypeInfo = z.infer<typeof prototypeInfoSchema>;

/** The content of a file of prototypes. */
export interface PrototypeFile {
  readonly info: PrototypeInfo;
  /** In the order of `info.layers`. */
  readonly layers: readonly LayerCentres[];
}

/**
 * Encodes prototypes as numpy's .npz. `info` is JSON in bytes; layer i has `centres_<i>` [n, channels] and, one for each centre,
 * `logits_<i>`, `members_<i>`, `scores_<i>` and `positive_<i>`. Equal prototypes give equal bytes.
 */
export function encodePrototypes({ info, layers }: PrototypeFile): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(info));
  return encodeNpz(Object.fromEntries([
    ['info', { shape: [json.length], data: json }],
    ...layers.flatMap(({ centres, channels, logits, members, scores, positive }, i) => [
      [`centres_${i}`, { shape: [logits.length, channels], data: centres }],
      ...Object.entries({ logits, members, scores, positive }).map(([name, data]) => [`${name}_${i}`, { shape: [data.length], data }]),
    ]),
  ]));
}

/** @throws NpyError, SyntaxError or ZodError if the bytes are something else */
export function decodePrototypes(bytes: Uint8Array): PrototypeFile {
  const arrays = decodeNpz(bytes);
  const text = new TextDecoder().decode(Uint8Array.from(valuesOf(arrays, 'info')));
  const info = prototypeInfoSchema.parse(JSON.parse(text));
  return { info, layers: info.layers.map((_, i) => layerOf(arrays, i, info.classes.length)) };
}

function layerOf(arrays: NpzArrays, i: number, classes: number): LayerCentres {
  const part = (name: string): number[] => valuesOf(arrays, `${name}_${i}`);
  const [logits, members, scores, positive] = [part('logits'), part('members'), part('scores'), part('positive')];
  const centres = Float32Array.from(part('centres'));
  const channels = centres.length / logits.length;
  const whole = [members, scores, positive].every((own) => own.length === logits.length) && Number.isInteger(channels);
  if (!whole || !logits.every((logit) => Number.isInteger(logit) && logit >= 0 && logit < classes) || !centres.every(Number.isFinite)) {
    throw new NpyError('its arrays do not belong together');
  }
  return {
    centres, channels, logits: Int32Array.from(logits), members: Int32Array.from(members), scores: Float32Array.from(scores),
    positive: Uint8Array.from(positive, (value) => (value === 0 ? 0 : 1)),
  };
}

function valuesOf(arrays: NpzArrays, name: string): number[] {
  const array = arrays.get(name);
  if (array === undefined) throw new NpyError(`it has no array '${name}'`);
  return Array.from(array.values, Number);
}

/**
 * A classifier with prototypes of its classes, which the method `prototype-cam` needs.
 *
 * ```ts
 * const classifier = await withPrototypes(await loadClassifier(), 'prototypes.npz');
 * const settings = await loadSettings('fast', { layers: ['/32@prototype-cam'] });
 * ```
 *
 * @param named a file that `voc-seeds prototypes` has written, or `bundled` for those of the bundled classifier; `undefined`: the
 *   classifier is returned as it is
 * @throws UserError if the file cannot be read, or was made for another classifier
 */
export async function withPrototypes(classifier: LoadedClassifier, named: string | undefined): Promise<LoadedClassifier> {
  if (named === undefined) return classifier;
  const path = named === BUNDLED ? defaultPrototypesPath() : named;
  const { bytes, file } = await readPrototypes(path);
  await requireSame(classifier, file, path);
  const { info: { layers: names, classes }, layers } = file;
  const known = layers.map(({ logits }) => new Set(logits));
  return {
    ...classifier,
    prototypes: {
      path, hash: createHash('sha256').update(bytes).digest('hex'),
      layers: new Map(names.map((name, i) => [name, classVectors(layers[i], classes.length)])),
      missing: new Map(classes.flatMap((name, logit) => (known.every((own) => own.has(logit)) ? [] : [[logit, name] as const]))),
    },
  };
}

async function readPrototypes(path: string): Promise<{ readonly bytes: Uint8Array; readonly file: PrototypeFile }> {
  try {
    const bytes = await readRegularFile(path, (size) => { requireWithin('arrayBytes', size, `the prototypes ${path} have ${size} bytes`); });
    return { bytes, file: decodePrototypes(bytes) };
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') throw new UserError(`the prototypes ${path} do not exist`, FIT, { cause });
    const reason = cause instanceof z.ZodError || cause instanceof SyntaxError ? 'it is not a file of prototypes of this version' : messageOf(cause);
    throw new UserError(`cannot read the prototypes ${path}: ${reason}`, FIT, { cause });
  }
}

/** The name of the prototypes of the bundled classifier. */
const BUNDLED = 'bundled';

const FIT = 'make them with \'voc-seeds prototypes\'';

/** @throws UserError if prototypes were made for another classifier, or for other classes or preprocessing */
async function requireSame({ path: model, spec }: LoadedClassifier, { info }: PrototypeFile, path: string): Promise<void> {
  const again = `fit them for this one: voc-seeds prototypes --model ${model} ...`;
  const other = spec.classes.findIndex((name, i) => name !== info.classes[i]);
  if (other >= 0 || spec.classes.length !== info.classes.length) {
    const where = other >= 0 ? `class ${other} is '${spec.classes[other]}', but '${info.classes[other] ?? '(none)'}' in the prototypes` : `${spec.classes.length} instead of ${info.classes.length}`;
    throw new UserError(`the prototypes ${path} have other classes than ${model}: ${where}`, again);
  }
  if (await hashFile(model) !== info.model) throw new UserError(`the prototypes ${path} were made for another classifier than ${model}`, again);
  const [own, theirs] = [preprocessingOf(spec), preprocessingOf(info.preprocessing)].map((each) => JSON.stringify(each));
  if (own !== theirs) {
    throw new UserError(`the prototypes ${path} were made with another preprocessing of ${model}: ${theirs}, not ${own}`, 'give the same flags as to \'voc-seeds prototypes\', or fit them again');
  }
}

/** The part of a specification that prototypes depend on. */
export function preprocessingOf({ logits, channelOrder, scale, mean, std }: PrototypeInfo['preprocessing']): PrototypeInfo['preprocessing'] {
  return { logits, channelOrder, scale, mean, std };
}
