import { DataType, sizeOf } from '../../onnx/tensor.js';
import { collections } from '../pickle/collections.js';
import { corrupt, PickleError, PickleFunction, PickleObject } from '../pickle/values.js';
import type { PickleDialect, PickleValue } from '../pickle/values.js';

/** A sequence of numbers that a checkpoint stores outside its pickle. */
export class TorchStorage extends PickleObject {
  /**
   * @param key its name in the checkpoint
   * @param count the number of its elements
   */
  constructor(readonly type: DataType, readonly key: string, readonly count: number) {
    super();
  }

  override setState(): void {
    throw corrupt();
  }
}

/** A view of a storage: element [i, j, ...] is at offset + i stride_0 + j stride_1 + ... */
export class TorchTensor extends PickleObject {
  constructor(readonly storage: TorchStorage, readonly offset: number, readonly shape: readonly number[], readonly strides: readonly number[]) {
    super();
    if (shape.length !== strides.length) throw corrupt();
    // Expanded tensors, which repeat a number many times, could take any amount of memory.
    if (sizeOf(shape) > storage.count || offset + this.span > storage.count) throw new PickleError('it contains a tensor that is larger than its storage');
  }

  /** The distance from its first element to the end of its last, in elements of the storage. */
  get span(): number {
    if (this.shape.includes(0)) return 0;
    return 1 + this.shape.reduce((sum, size, i) => sum + (size - 1) * this.strides[i], 0);
  }

  /** Old parameters get their gradient's settings, which are ignored. */
  override setState(state: PickleValue): void {
    if (!Array.isArray(state)) throw corrupt();
  }
}

const storageTypes = new Map<PickleValue, DataType>();

function storageType(type: DataType): PickleFunction {
  const made = new PickleFunction(() => { throw corrupt(); });
  storageTypes.set(made, type);
  return made;
}

/** torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata), and _v1 with only the first four. */
export const rebuildTensor = new PickleFunction(([storage, offset, shape, strides]) => {
  if (!(storage instanceof TorchStorage) || !isSize(offset) || !isSizes(shape) || !isSizes(strides)) throw corrupt();
  return new TorchTensor(storage, offset, [...shape], [...strides]);
});

/** torch._utils._rebuild_parameter(data, requires_grad, hooks), and torch.nn.Parameter(data, requires_grad) of old files. */
const rebuildParameter = new PickleFunction(([data]) => {
  if (!(data instanceof TorchTensor)) throw corrupt();
  return data;
});

/** ('storage', type, key, device, number of elements, view): a pickle's reference to a storage. */
function storageOf(id: PickleValue): TorchStorage {
  if (!Array.isArray(id)) throw corrupt();
  const [kind, type, key, , count, view] = id;
  const elements = storageTypes.get(type);
  if (kind !== 'storage' || typeof key !== 'string' || !isSize(count) || elements === undefined) throw corrupt();
  if (view != null) throw new PickleError('it contains a view of a storage, as old versions of PyTorch wrote');
  return new TorchStorage(elements, key, count);
}

function isSize(value: PickleValue): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** PyTorch's own limit is 64. */
const MOST_AXES = 64;

function isSizes(value: PickleValue): value is number[] {
  return Array.isArray(value) && value.length <= MOST_AXES && value.every(isSize);
}

const bytes = storageType(DataType.uint8);

/** Pickles of plain values and PyTorch's tensors. */
export const torchPickles: PickleDialect = {
  reads: 'plain values and tensors',
  newObjects: true,
  persistent: storageOf,
  globals: new Map<string, PickleFunction>([
    ['torch._utils._rebuild_tensor_v2', rebuildTensor],
    ['torch._utils._rebuild_tensor', rebuildTensor],
    ['torch._utils._rebuild_parameter', rebuildParameter],
    ['torch.nn.parameter.Parameter', rebuildParameter],
    ...collections,
    ['torch.DoubleStorage', storageType(DataType.float64)], ['torch.FloatStorage', storageType(DataType.float32)],
    ['torch.HalfStorage', storageType(DataType.float16)], ['torch.BFloat16Storage', storageType(DataType.bfloat16)],
    ['torch.LongStorage', storageType(DataType.int64)], ['torch.IntStorage', storageType(DataType.int32)],
    ['torch.ShortStorage', storageType(DataType.int16)], ['torch.CharStorage', storageType(DataType.int8)],
    ['torch.ByteStorage', bytes], ['torch.UntypedStorage', bytes], ['torch.storage.UntypedStorage', bytes], ['torch.BoolStorage', storageType(DataType.bool)],
  ]),
};
