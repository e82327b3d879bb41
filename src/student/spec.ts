import { createHash } from 'node:crypto';
import { z } from 'zod';
import { messageOf, UserError } from '../errors.js';
import type { OnnxModel } from '../onnx/model.js';
import type { Size } from '../size.js';

/** The key in an ONNX model's metadata that makes it a student. Its value is a {@link StudentSpec} as JSON. */
export const STUDENT_KEY = 'voc_seeds_student';

/** The name of the student's output. */
export const STUDENT_LOGITS = 'logits';

const pixels = z.int().positive();

/** What a student was trained on. */
const trainingSchema = z.object({
  /** The data sets as `KIND:ROOT` and their lists. */
  lists: z.array(z.string()),
  /** The number of photographs, and {@link hashOfIds} of them. */
  images: z.int().min(1),
  ids: z.string(),
  /** The folder of seeds, and the fingerprint of the settings they were made with, if its run.json tells. */
  seeds: z.string(),
  seedSettings: z.string().optional(),
  epochs: z.int().min(1),
  seed: z.int().min(0),
  /** SHA-256 of the file of the network that training started from. */
  network: z.string(),
});

const studentSchema = z.object({
  kind: z.literal('segmentation'),
  /** The short and the long side of the photographs that it was trained on, in pixels. */
  short: pixels,
  long: pixels,
  training: trainingSchema,
});

/** What the metadata of a student says, apart from the preprocessing and the class names, which are where classifiers have them. */
export type StudentSpec = z.infer<typeof studentSchema>;

/**
 * The specification in a model's metadata.
 *
 * @param name the model's file, for messages
 * @returns `undefined` if the model is no student
 * @throws UserError if it is not valid
 */
export function studentSpecOf(model: OnnxModel, name: string): StudentSpec | undefined {
  const text = model.metadata.get(STUDENT_KEY);
  if (text === undefined) return undefined;
  try {
    return studentSchema.parse(JSON.parse(text));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? cause.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') : messageOf(cause);
    throw new UserError(`the metadata of ${name} under '${STUDENT_KEY}' is not valid: ${reason}`, 'train the student again with this version', { cause });
  }
}

/** A fingerprint of a set of photographs, by their ids in any order. */
export function hashOfIds(ids: Iterable<string>): string {
  return createHash('sha256').update([...ids].sort().join('\n')).digest('hex');
}

/** The size at which a student sees a photograph: its long side along that of the photograph. */
export function studentInputSize([height, width]: Size, { short, long }: Pick<StudentSpec, 'short' | 'long'>): Size {
  return height > width ? [long, short] : [short, long];
}
