import { messageOf, UserError } from '../errors.js';
import { writeFileAtomic } from '../jobs/files.js';
import { readRegularFile } from '../jobs/read-file.js';
import type { GroupState } from './trainer.js';

const MAGIC = 'voc-seeds checkpoint 1\n';

/** Where a training run is. */
export interface RunPosition {
  /** A fingerprint of the settings; a run does not go on with others. */
  readonly settings: string;
  /** Passes that are done. */
  readonly step: number;
  /** The sum of the losses of the epoch that is under way. */
  readonly lossSum: number;
  /** What became of the epochs that are done. */
  readonly epochs: readonly EpochResult[];
}

/** What became of an epoch. */
export interface EpochResult {
  /** From 1. */
  readonly epoch: number;
  /** The mean over its batches. */
  readonly loss: number;
  /** On the validation list, 0..1. */
  readonly map?: number;
}

/**
 * Writes a checkpoint: one line of text that tells the format, one line of JSON, and the vectors as little-endian floats,
 * for each group its weights, its velocity and its average.
 */
export async function writeCheckpoint(path: string, position: RunPosition, state: readonly GroupState[]): Promise<void> {
  const shape = { groups: state.map(({ weights }) => weights.length), average: state[0]?.average !== undefined };
  const header = Buffer.from(`${MAGIC}${JSON.stringify({ ...position, ...shape })}\n`);
  const vectors = state.flatMap(vectorsOf).map((vector) => new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
  await writeFileAtomic(path, Buffer.concat([header, ...vectors]));
}

/**
 * Reads a checkpoint into the state of a trainer.
 *
 * @returns `undefined` where there is none
 * @throws UserError where the file is no checkpoint, or one of another network
 */
export async function readCheckpoint(path: string, state: readonly GroupState[]): Promise<RunPosition | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readRegularFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new UserError(`cannot read the checkpoint ${path}: ${messageOf(error)}`, 'begin anew with --no-resume', { cause: error });
  }
  const end = bytes.indexOf('\n', MAGIC.length);
  if (!bytes.subarray(0, MAGIC.length).equals(Buffer.from(MAGIC)) || end < 0) throw new UserError(`${path} is no checkpoint of a training run`, 'remove it, or begin anew with --no-resume');
  const header = JSON.parse(bytes.subarray(MAGIC.length, end).toString()) as RunPosition & { groups: number[]; average: boolean };
  const { groups, average, ...position } = header;
  const vectors = state.flatMap(vectorsOf);
  const expected = vectors.reduce((sum, { byteLength }) => sum + byteLength, end + 1);
  const same = groups.join() === state.map(({ weights }) => weights.length).join() && average === (state[0]?.average !== undefined);
  if (!same || bytes.length !== expected) throw new UserError(`${path} is a checkpoint of another network`, 'name the same backbone, or begin anew with --no-resume');
  let at = end + 1;
  for (const vector of vectors) {
    new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength).set(bytes.subarray(at, at + vector.byteLength));
    at += vector.byteLength;
  }
  return position;
}

function vectorsOf({ weights, velocity, average }: GroupState): Float32Array[] {
  return average === undefined ? [weights, velocity] : [weights, velocity, average];
}
