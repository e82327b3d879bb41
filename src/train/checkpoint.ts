import { createHash } from 'node:crypto';
import { z } from 'zod';
import { messageOf, UserError } from '../errors.js';
import { replaceFile } from '../jobs/files/atomic.js';
import { readRegularFile } from '../jobs/files/read-file.js';
import type { GroupState } from './trainer.js';

const MAGIC = 'voc-seeds checkpoint 1\n';

/** The position of a training run. */
export interface RunPosition {
  /** A fingerprint of the settings. A run can only be resumed with the same settings. */
  readonly settings: string;
  /** The number of finished passes. */
  readonly step: number;
  /** The sum of the losses of the current epoch. */
  readonly lossSum: number;
  /** The results of the finished epochs. */
  readonly epochs: readonly EpochResult[];
}

/** The scores of a model on the validation list, 0..1. */
export interface EpochScores {
  /** Of a classifier: the mean average precision. */
  readonly map?: number;
  /** Of a student: the mean IoU. */
  readonly iou?: number;
}

/** The result of an epoch. */
export interface EpochResult extends EpochScores {
  /** From 1. */
  readonly epoch: number;
  /** The mean loss over its batches. */
  readonly loss: number;
}

const score = z.number().nullish().transform((value) => value ?? undefined);

const epochSchema = z.object({ epoch: z.int().min(1), loss: z.number(), map: score, iou: score });

const headerSchema = z.object({
  settings: z.string(), step: z.int().min(0), lossSum: z.number(), epochs: z.array(epochSchema),
  /** The number of weights of each group, and whether there are moving averages, and means of squares. */
  groups: z.array(z.int().min(0)), average: z.boolean(), squares: z.boolean().default(false),
  /** SHA-256 of the vectors; missing in checkpoints of earlier versions. */
  sha256: z.string().optional(),
});

/**
 * Writes a checkpoint into an existing folder: a line of text with the format, a line of JSON, and the vectors as little-endian
 * floats. The vectors of each group are its weights, its velocity, its squares and its average.
 */
export async function writeCheckpoint(path: string, position: RunPosition, state: readonly GroupState[]): Promise<void> {
  const shape = {
    groups: state.map(({ weights }) => weights.length), average: state[0]?.average !== undefined, squares: state[0]?.squares !== undefined,
  };
  const vectors = state.flatMap(vectorsOf).map((vector) => new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
  const header = Buffer.from(`${MAGIC}${JSON.stringify({ ...position, ...shape, sha256: hashOf(vectors) })}\n`);
  await replaceFile(path, Buffer.concat([header, ...vectors]));
}

/**
 * Reads a checkpoint into the state of a trainer. The state is left unchanged if an error is thrown.
 *
 * @returns `undefined` if there is no checkpoint
 * @throws UserError if the file cannot be read, is not a checkpoint, is damaged, or is for another network
 */
export async function readCheckpoint(path: string, state: readonly GroupState[]): Promise<RunPosition | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readRegularFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new UserError(`the checkpoint cannot be read: ${error instanceof UserError ? error.message : `${path}: ${messageOf(error)}`}`, 'choose another --work folder', { cause: error });
  }
  const end = bytes.indexOf('\n', MAGIC.length);
  if (!bytes.subarray(0, MAGIC.length).equals(Buffer.from(MAGIC)) || end < 0) throw new UserError(`${path} is not a checkpoint of a training run`, GO_ON);
  const { groups, average, squares, sha256, ...position } = headerOf(bytes.subarray(MAGIC.length, end).toString(), path);
  const vectors = state.flatMap(vectorsOf);
  const expected = vectors.reduce((sum, { byteLength }) => sum + byteLength, end + 1);
  const same = groups.join() === state.map(({ weights }) => weights.length).join() && average === (state[0]?.average !== undefined)
    && squares === (state[0]?.squares !== undefined);
  if (!same) throw new UserError(`${path} is a checkpoint of another network`, 'use the same backbone, or start over with --no-resume');
  if (bytes.length !== expected) throw new UserError(`the checkpoint ${path} is damaged: it has ${bytes.length} bytes, expected ${expected}`, GO_ON);
  if (sha256 !== undefined && sha256 !== hashOf([bytes.subarray(end + 1)])) throw new UserError(`the checkpoint ${path} is damaged: its content has changed`, GO_ON);
  let at = end + 1;
  for (const vector of vectors) {
    new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength).set(bytes.subarray(at, at + vector.byteLength));
    at += vector.byteLength;
  }
  return position;
}

const GO_ON = 'choose another --work folder, remove the file, or start over with --no-resume';

function headerOf(text: string, path: string): z.infer<typeof headerSchema> {
  try {
    return headerSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new UserError(`the checkpoint ${path} is damaged: its second line is not valid`, GO_ON, { cause });
  }
}

function hashOf(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

function vectorsOf({ weights, velocity, squares, average }: GroupState): Float32Array[] {
  return [weights, velocity, squares, average].filter((vector) => vector !== undefined);
}
