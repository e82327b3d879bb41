import { z } from 'zod';
import { messageOf, UserError } from '../errors.js';
import type { OnnxModel } from '../onnx/model.js';
import { explainIssues, placeByPath } from '../formats/yaml/issues.js';
import type { Path, Place } from '../formats/yaml/issues.js';
import { readSettingsFile } from '../formats/yaml/settings-file.js';
import type { SettingsFile } from '../formats/yaml/settings-file.js';

/** The key in an ONNX model's metadata for its specification as JSON. */
export const MODEL_SPEC_KEY = 'voc_seeds';

const triple = z.tuple([z.number(), z.number(), z.number()]);
const spread = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]);

/**
 * What a CAM needs and an ONNX file does not contain: the preprocessing, the name of the logits tensor, and the class names.
 * See {@link Normalisation} for scale, mean and std.
 */
export const modelSpecSchema = z.strictObject({
  logits: z.string().min(1),
  channelOrder: z.enum(['rgb', 'bgr']),
  scale: z.number().positive(),
  mean: triple,
  std: spread,
  classes: z.array(z.string().min(1)).min(1),
  /** [height, width], for a network that works at one size only and does not declare it. */
  inputSize: z.tuple([z.number().int().positive(), z.number().int().positive()]).optional(),
  /** [rows, columns] of a vision transformer's tokens, if they cannot be found in its graph. */
  tokens: z.tuple([z.number().int().positive(), z.number().int().positive()]).optional(),
  /** Whether the head has random weights and was never trained. */
  untrained: z.boolean().optional(),
});

export type ModelSpec = z.infer<typeof modelSpecSchema>;

const partialSchema = modelSpecSchema.partial();

/** The parts of a specification by their source. */
export interface ModelSpecSources {
  readonly metadata: Partial<ModelSpec>;
  readonly sidecar: Partial<ModelSpec>;
  readonly flags: Partial<ModelSpec>;
}

/** Common preprocessings: `torchvision`, `tensorflow` (Inception and MobileNet, -1..1) and `caffe` (BGR minus the mean). */
export const preprocessPresets: Readonly<Record<string, Pick<ModelSpec, 'channelOrder' | 'scale' | 'mean' | 'std'>>> = {
  torchvision: { channelOrder: 'rgb', scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  tensorflow: { channelOrder: 'rgb', scale: 1 / 127.5, mean: [1, 1, 1], std: [1, 1, 1] },
  caffe: { channelOrder: 'bgr', scale: 1, mean: [104, 117, 123], std: [1, 1, 1] },
};

/** The flag for each part of a specification. */
const flagOf: Readonly<Record<string, string>> = {
  logits: '--logits NAME',
  channelOrder: '--channel-order rgb|bgr (or --preprocess torchvision|tensorflow|caffe)',
  scale: '--scale S (or --preprocess)',
  mean: '--mean A,B,C (or --preprocess)',
  std: '--std A,B,C (or --preprocess)',
  classes: '--classes voc|FILE',
};

/** The specification in a model's metadata; empty if there is none. */
export function specOfMetadata(model: OnnxModel, name: string): Partial<ModelSpec> {
  const text = model.metadata.get(MODEL_SPEC_KEY);
  if (text === undefined) return {};
  try {
    return check(JSON.parse(text), `the metadata of ${name}`);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`the metadata of ${name} under '${MODEL_SPEC_KEY}' is not JSON: ${messageOf(error)}`, 'write it again with \'voc-seeds model annotate\'');
  }
}

/** The specification in a file next to the model: `<model>.json`, `.yaml` or `.yml`; empty if there is none. */
export async function readSidecar(modelPath: string): Promise<Partial<ModelSpec>> {
  for (const ending of ['json', 'yaml', 'yml']) {
    const path = `${modelPath}.${ending}`;
    const file = await readSettingsFile(path);
    if (file !== undefined) return check(file.value ?? null, path, file.lineOf);
  }
  return {};
}

function check(value: unknown, where: string, lineOf?: SettingsFile['lineOf']): Partial<ModelSpec> {
  const parsed = partialSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const placeOf = (path: Path): Place => {
    const line = lineOf?.(path);
    return { ...placeByPath(path), before: line === undefined ? `${where}: ` : `${where}:${line}: ` };
  };
  throw new UserError(explainIssues(parsed.error, partialSchema, value, placeOf), `the parts are ${Object.keys(modelSpecSchema.shape).join(', ')}`);
}

/** Reads everything that is specified about a model: in its metadata, in a file next to it, and in flags. */
export async function specSources(model: OnnxModel, path: string, flags: Partial<ModelSpec>): Promise<ModelSpecSources> {
  return { metadata: specOfMetadata(model, path), sidecar: await readSidecar(path), flags };
}

/** Flags override the sidecar, which overrides the metadata. Parts may be missing. */
export function mergeSpecs({ metadata, sidecar, flags }: ModelSpecSources): Partial<ModelSpec> {
  return { ...metadata, ...sidecar, ...flags };
}

/**
 * Requires parts of a specification. Missing parts are never guessed.
 *
 * @param needed the required parts
 * @param outputs a description of the model's outputs for the hint
 * @throws UserError that names the missing parts
 */
export function requireSpec<K extends keyof ModelSpec>(
  spec: Partial<ModelSpec>, model: string, needed: readonly K[], outputs?: string,
): Partial<ModelSpec> & Required<Pick<ModelSpec, K>> {
  const missing = needed.filter((part) => spec[part] === undefined);
  if (missing.length > 0) {
    const candidates = outputs !== undefined && missing.some((part) => part === 'logits') ? `; ${outputs}` : '';
    throw new UserError(
      `${model} does not specify its ${missing.join(', ')}`,
      `pass ${missing.map((part) => flagOf[part] ?? part).join(', ')}, or store it in the model with 'voc-seeds model annotate', or in ${model}.yaml${candidates}`,
    );
  }
  return spec as Partial<ModelSpec> & Required<Pick<ModelSpec, K>>;
}
