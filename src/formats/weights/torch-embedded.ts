import { DataType } from '../../onnx/tensor.js';
import { collections } from '../pickle/collections.js';
import { sizeOfKind } from '../pickle/numbers.js';
import type { NumberKind } from '../pickle/numbers.js';
import { NdArray, numpyPickles } from '../pickle/numpy.js';
import { loadPickle } from '../pickle/pickle.js';
import { decodeStrided } from '../pickle/strides.js';
import { bytesOf, corrupt, PickleError, PickleFunction } from '../pickle/values.js';
import type { PickleDialect, PickleValue } from '../pickle/values.js';
import { elementSize } from './elements.js';
import { cutShort, WeightsError } from './error.js';
import { LEGACY_START, readLegacyHead } from './torch-legacy.js';
import { rebuildTensor, torchPickles, TorchStorage, TorchTensor } from './torch-pickle.js';
import { readZipBytes, unpackEntry } from './zip.js';

// A tensor in an ordinary pickle (numpy.save of a dictionary with tensors) is a view of a storage, and the storage is a whole
// file of torch.save as bytes. Tensors become arrays.

/** A storage with its numbers. */
class LoadedStorage extends TorchStorage {
  constructor(type: DataType, count: number, readonly bytes: Uint8Array) {
    super(type, '', count);
    if (bytes.length < count * elementSize(type)) throw cutShort();
  }
}

const kinds: ReadonlyMap<DataType, NumberKind> = new Map([
  [DataType.float64, 'f8'], [DataType.float32, 'f4'], [DataType.float16, 'f2'], [DataType.bfloat16, 'bf2'],
  [DataType.int64, 'i8'], [DataType.int32, 'i4'], [DataType.int16, 'i2'], [DataType.int8, 'i1'],
  [DataType.uint64, 'u8'], [DataType.uint32, 'u4'], [DataType.uint16, 'u2'], [DataType.uint8, 'u1'], [DataType.bool, 'b1'],
]);

/** torch.storage._load_from_bytes(bytes) */
const loadFromBytes = new PickleFunction(([bytes]) => {
  const raw = bytesOf(bytes);
  const file = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  try {
    if (file.subarray(0, LEGACY_START.length).equals(LEGACY_START)) return legacyStorage(file);
    if (file.toString('latin1', 0, 2) === 'PK') return zippedStorage(file);
  } catch (error) {
    if (error instanceof WeightsError) throw new PickleError(`it contains a tensor that cannot be read: ${error.message}`, error.hint, { cause: error });
    throw error;
  }
  throw corrupt();
});

function legacyStorage(file: Buffer): LoadedStorage {
  const { value, storages, end } = readLegacyHead(file);
  if (!(value instanceof TorchStorage) || storages.length !== 1 || storages[0] !== value || file.length < end + 8) throw corrupt();
  if (file.readBigInt64LE(end) !== BigInt(value.count)) throw corrupt();
  return new LoadedStorage(value.type, value.count, file.subarray(end + 8));
}

function zippedStorage(file: Buffer): LoadedStorage {
  const entries = readZipBytes(file);
  const pickleName = [...entries.keys()].find((name) => /^[^/]*\/data\.pkl$/.test(name));
  if (pickleName === undefined) throw corrupt();
  const content = (name: string): Uint8Array => {
    const entry = entries.get(name);
    if (entry === undefined || entry.compressed) throw corrupt();
    return unpackEntry(file, entry, name);
  };
  const folder = pickleName.slice(0, -'data.pkl'.length);
  if (entries.has(`${folder}byteorder`) && Buffer.from(content(`${folder}byteorder`)).toString('latin1') !== 'little') {
    throw new WeightsError('its numbers are not in little-endian byte order');
  }
  const storage = loadPickle(content(pickleName), torchPickles);
  if (!(storage instanceof TorchStorage)) throw corrupt();
  return new LoadedStorage(storage.type, storage.count, content(`${folder}data/${storage.key}`));
}

/** The types without their own storage class in PyTorch. */
const dtypes = new Map<PickleValue, DataType>();

function dtype(type: DataType): PickleFunction {
  const made = new PickleFunction(() => { throw corrupt(); });
  dtypes.set(made, type);
  return made;
}

/** torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata) */
const rebuild = new PickleFunction((args) => arrayOf(args, args[6]));

/** torch._utils._rebuild_tensor_v3: the same, with a storage of bytes and the type before the metadata. */
const rebuildTyped = new PickleFunction(([storage, offset, size, stride, grad, hooks, of, metadata]) => {
  const type = dtypes.get(of);
  if (type === undefined || !(storage instanceof LoadedStorage)) throw corrupt();
  const typed = new LoadedStorage(type, Math.floor(storage.count / elementSize(type)), storage.bytes);
  return arrayOf([typed, offset, size, stride, grad, hooks], metadata);
});

function arrayOf(args: readonly PickleValue[], metadata: PickleValue | undefined): NdArray {
  // Flags such as "negate these numbers".
  if (metadata instanceof Map && metadata.size > 0) throw new PickleError('it contains a tensor that is a view of another one', 'save it as a numpy array: tensor.cpu().numpy()');
  const tensor = rebuildTensor.call(args);
  if (!(tensor instanceof TorchTensor) || !(tensor.storage instanceof LoadedStorage)) throw corrupt();
  const { storage: { type, bytes }, offset, span, shape, strides } = tensor;
  const kind = kinds.get(type);
  if (kind === undefined) throw corrupt();
  const start = offset * sizeOfKind(kind);
  return NdArray.of(shape, () => decodeStrided(kind, bytes.subarray(start, start + span * sizeOfKind(kind)), true, shape, strides));
}

/** torch._utils._rebuild_parameter(data, requires_grad, hooks), and torch.nn.Parameter(data, requires_grad) of old files. */
const parameter = new PickleFunction(([data]) => {
  if (!(data instanceof NdArray)) throw corrupt();
  return data;
});

/** torch.Size(sizes) */
const size = new PickleFunction(([sizes]) => {
  if (!Array.isArray(sizes)) throw corrupt();
  return sizes;
});

/** Pickles of plain values, the dictionaries of `collections`, numpy arrays and PyTorch tensors. Tensors become {@link NdArray}. */
export const arrayPickles: PickleDialect = {
  reads: 'plain values, numpy arrays and PyTorch tensors',
  globals: new Map<string, PickleFunction>([
    ...numpyPickles.globals,
    ...collections,
    ['torch.storage._load_from_bytes', loadFromBytes],
    ['torch._utils._rebuild_tensor', rebuild],
    ['torch._utils._rebuild_tensor_v2', rebuild],
    ['torch._utils._rebuild_tensor_v3', rebuildTyped],
    ['torch._utils._rebuild_parameter', parameter],
    ['torch.nn.parameter.Parameter', parameter],
    ['torch.Size', size],
    ['torch.uint16', dtype(DataType.uint16)], ['torch.uint32', dtype(DataType.uint32)], ['torch.uint64', dtype(DataType.uint64)],
  ]),
};
