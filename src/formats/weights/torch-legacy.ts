import { readPickle } from '../pickle/pickle.js';
import type { PickleValue } from '../pickle/values.js';
import { elementSize } from './elements.js';
import { WeightsError } from './error.js';
import type { FileBytes } from './file-bytes.js';
import type { StoredDictionary } from './stored-tensor.js';
import { torchPickles, TorchStorage } from './torch-pickle.js';
import { torchDictionaries } from './torch-state-dict.js';
import { placeDictionaries } from './torch-tensor.js';
import { MAX_PICKLE } from './torch-zip.js';

/** The first bytes of a file by `torch.save` before PyTorch 1.6: its pickled magic number. */
export const LEGACY_START = Buffer.from('80028a0a6cfc9c46f9206aa85019', 'hex');

/** More storages than any checkpoint has. */
const MOST_STORAGES = 2 ** 16;

/** The protocol number that follows {@link LEGACY_START}. */
const PROTOCOL = 1001;

/**
 * Opens a checkpoint in the format of `torch.save` before PyTorch 1.6 (still available as an option). It is a sequence of
 * pickles: magic number, protocol, properties of the machine, the dictionary, the storages' keys. Then come the storages, each
 * after its number of elements in 8 bytes.
 *
 * @throws {WeightsError | PickleError} if it is damaged, or contains more than plain values and tensors
 */
export async function readTorchLegacy(file: FileBytes): Promise<StoredDictionary[]> {
  const { value, storages, end } = readLegacyHead(await file.read(0, Math.min(file.size, MAX_PICKLE)));
  const dictionaries = torchDictionaries(value);
  let at = end;
  const places = new Map<string, { offset: number; size: number }>();
  for (const storage of storages) {
    const count = Number((await file.read(at, 8)).readBigInt64LE());
    if (count !== storage.count) throw new WeightsError('it is corrupt');
    const size = count * elementSize(storage.type);
    places.set(storage.key, { offset: at + 8, size });
    at += 8 + size;
  }
  if (at > file.size) await file.read(file.size, 1);
  return placeDictionaries(dictionaries, file, ({ key }) => places.get(key));
}

/**
 * Reads the pickles at the start of such a file.
 *
 * @param head starts with {@link LEGACY_START}
 * @returns the saved value, its storages in the order of the file, and the offset of the first storage
 * @throws {WeightsError | PickleError} if it is damaged, or contains more than plain values and tensors
 */
export function readLegacyHead(head: Buffer): { value: PickleValue; storages: TorchStorage[]; end: number } {
  const named = new Map<string, TorchStorage>();
  const persistent = (id: PickleValue): PickleValue => {
    const storage = torchPickles.persistent!(id);
    if (storage instanceof TorchStorage) named.set(storage.key, storage);
    return storage;
  };
  let end = 0;
  const next = (): PickleValue => {
    const { value, length } = readPickle(head.subarray(end), { ...torchPickles, persistent });
    end += length;
    return value;
  };
  next();
  if (next() !== PROTOCOL) throw new WeightsError('its protocol is not supported');
  const machine = next();
  if (!(machine instanceof Map) || machine.get('little_endian') !== true) throw new WeightsError('its numbers are not in little-endian byte order', 'save it again on a little-endian machine');
  const value = next();
  const keys = next();
  if (!Array.isArray(keys) || keys.length > MOST_STORAGES || new Set(keys).size < keys.length) throw new WeightsError('it is corrupt');
  const storages = keys.map((key) => {
    const storage = typeof key === 'string' ? named.get(key) : undefined;
    if (storage === undefined) throw new WeightsError('it is corrupt');
    return storage;
  });
  return { value, storages, end };
}
