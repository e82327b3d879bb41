import { loadPickle } from '../pickle/pickle.js';
import { WeightsError } from './error.js';
import type { FileBytes } from './file-bytes.js';
import type { StoredDictionary } from './stored-tensor.js';
import { torchPickles } from './torch-pickle.js';
import { SAVE_STATE_DICT, torchDictionaries } from './torch-state-dict.js';
import { placeDictionaries } from './torch-tensor.js';
import { readZip, storedEntry } from './zip.js';

/** More than the pickle of any state dictionary, which does not contain the numbers. */
export const MAX_PICKLE = 64 * 2 ** 20;

/**
 * Opens a checkpoint in the format of `torch.save` since PyTorch 1.6: a zip archive of one folder, with the dictionary in
 * `data.pkl` and the numbers of each storage in a file in `data/`.
 *
 * @throws {WeightsError | PickleError} if it is damaged, or contains more than plain values and tensors
 */
export async function readTorchZip(file: FileBytes): Promise<StoredDictionary[]> {
  const entries = await readZip(file);
  const pickleName = [...entries.keys()].find((name) => /^(?:[^/]+\/)?data\.pkl$/.test(name));
  if (pickleName === undefined) throw new WeightsError('it is a zip archive, but not a PyTorch checkpoint (no data.pkl)');
  const folder = pickleName.slice(0, -'data.pkl'.length);
  if (entries.has(`${folder}constants.pkl`)) throw new WeightsError('it is a TorchScript program, not a checkpoint', SAVE_STATE_DICT);
  const order = storedEntry(entries, `${folder}byteorder`);
  if (order !== undefined && (await file.read(order.offset, Math.min(order.size, 16))).toString('latin1') !== 'little') {
    throw new WeightsError('its numbers are not in little-endian byte order', 'save it again on a little-endian machine');
  }
  const { offset, size } = storedEntry(entries, pickleName)!;
  if (size > MAX_PICKLE) throw new WeightsError(`its data.pkl takes ${size} bytes, more than a dictionary of tensors needs`);
  const dictionaries = torchDictionaries(loadPickle(await file.read(offset, size), torchPickles));
  return placeDictionaries(dictionaries, file, ({ key }) => storedEntry(entries, `${folder}data/${key}`));
}
