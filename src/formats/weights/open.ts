import { messageOf, UserError } from '../../errors.js';
import { PickleError } from '../pickle/values.js';
import { cutShort, WeightsError } from './error.js';
import { FileBytes } from './file-bytes.js';
import { readSafetensors } from './safetensors.js';
import type { StoredDictionary } from './stored-tensor.js';
import { LEGACY_START, readTorchLegacy } from './torch-legacy.js';
import { SAVE_STATE_DICT } from './torch-state-dict.js';
import { readTorchZip } from './torch-zip.js';

/** The format of a weights file. */
export type WeightsFormat = 'safetensors' | 'PyTorch' | 'PyTorch, before 1.6';

/** An open weights file. */
export interface WeightsFile {
  readonly format: WeightsFormat;
  /** Its dictionaries of tensors, at least one. A safetensors file has a single one. A checkpoint may contain several networks. */
  readonly dictionaries: readonly StoredDictionary[];
}

/**
 * Opens a safetensors file or a PyTorch checkpoint and passes it to `use`. The tensors' numbers can be read until `use` ends.
 * The pickle of a checkpoint is read by a parser that only knows plain values and tensors. Its code is never run.
 *
 * @param use receives the open file
 * @returns what `use` returns
 * @throws {UserError} if the file cannot be read, is damaged, or is something else
 */
export async function withWeights<T>(path: string, use: (weights: WeightsFile) => Promise<T>): Promise<T> {
  let file: FileBytes | undefined;
  try {
    file = await FileBytes.open(path);
    return await use(await readAny(file));
  } catch (error) {
    throw explained(error, path);
  } finally {
    await file?.close();
  }
}

async function readAny(file: FileBytes): Promise<WeightsFile> {
  const start = await file.read(0, Math.min(file.size, 512));
  if (start.length === 0) throw new WeightsError('it is empty', 'copy or download it again');
  if (start.toString('latin1', 0, 4) === 'PK\x03\x04') return { format: 'PyTorch', dictionaries: await readTorchZip(file) };
  if (start.subarray(0, LEGACY_START.length).equals(LEGACY_START)) return { format: 'PyTorch, before 1.6', dictionaries: await readTorchLegacy(file) };
  if (start[8] === 0x7b) return { format: 'safetensors', dictionaries: [{ tensors: await readSafetensors(file), wrapper: undefined }] };
  if (start.length < 9) throw cutShort();
  throw somethingElse(start);
}

/** The error for a file that does not contain weights, by its first bytes. */
function somethingElse(start: Buffer): WeightsError {
  if (start.toString('latin1', 257, 262) === 'ustar') {
    return new WeightsError('it is a tar archive, as written by the first versions of PyTorch', `load it in Python and ${SAVE_STATE_DICT}`);
  }
  if (start.toString('latin1').startsWith('version https://git-lfs')) return new WeightsError('it is a Git LFS pointer, not the file itself', 'fetch the file with git lfs pull');
  if (start.toString('latin1', 1, 4) === 'HDF') return new WeightsError('it is an HDF5 file, as written by Keras', 'export the network to ONNX');
  if (start[0] === 0x80) return new WeightsError('it is a pickle, but not a PyTorch checkpoint', SAVE_STATE_DICT);
  return new WeightsError('it is neither a safetensors file nor a PyTorch checkpoint', 'ONNX networks need no import: give them to --model');
}

function explained(error: unknown, path: string): unknown {
  const cannot = `the weights ${path} cannot be read: `;
  if (error instanceof WeightsError) return new UserError(cannot + error.message, error.hint, { cause: error });
  if (error instanceof PickleError) return new UserError(cannot + error.message, error.hint ?? SAVE_STATE_DICT, { cause: error });
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return new UserError(`the weights ${path} do not exist`);
  if (typeof code === 'string' && (error as NodeJS.ErrnoException).syscall !== undefined) return new UserError(cannot + messageOf(error));
  return error;
}
