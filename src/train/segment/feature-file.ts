import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { UserError } from '../../errors.js';
import { numberToFloat16 } from '../../onnx/rewrite/half.js';
import { DataType, OnnxTensor, sizeOf } from '../../onnx/tensor.js';
import type { CachedTensor } from './pass.js';

/** SHA-256 after each view. */
const HASH_BYTES = 32;

/** The size of a view in a file of features, in bytes. */
export function viewBytes(tensors: readonly CachedTensor[]): number {
  return tensors.reduce((sum, { dims }) => sum + 2 * sizeOf(dims), HASH_BYTES);
}

/**
 * A view of a photograph in a file of features: its tensors as float16, one after another, and their hash.
 *
 * @throws UserError if a value is beyond the range of float16
 */
export function encodeView(values: readonly Float32Array[]): Uint8Array[] {
  const hash = createHash('sha256');
  const parts = values.map((tensor) => {
    const bits = Uint16Array.from(tensor, numberToFloat16);
    if (bits.some((half) => (half & 0x7c00) === 0x7c00)) throw new UserError('a feature is beyond the range of float16, or not a number', 'check the preprocessing of the backbone');
    const bytes = new Uint8Array(bits.buffer);
    hash.update(bytes);
    return bytes;
  });
  return [...parts, hash.digest()];
}

/**
 * Reads a view from a file of features.
 *
 * @param into one array for each tensor, overwritten
 * @throws UserError if the file is damaged
 */
export async function readView(path: string, view: number, tensors: readonly CachedTensor[], into: readonly Float32Array[]): Promise<void> {
  const length = viewBytes(tensors);
  const bytes = new Uint8Array(length);
  const file = await open(path).catch((cause: unknown) => { throw new UserError(`the file of features ${path} is gone`, 'run the same command again', { cause }); });
  try {
    await file.read(bytes, 0, length, view * length);
  } finally {
    await file.close();
  }
  const content = bytes.subarray(0, length - HASH_BYTES);
  if (!createHash('sha256').update(content).digest().equals(bytes.subarray(length - HASH_BYTES))) {
    throw new UserError(`the file of features ${path} is damaged`, 'remove it, and run the same command again');
  }
  let at = 0;
  tensors.forEach(({ dims }, i) => {
    into[i].set(new OnnxTensor(dims, DataType.float16, content.subarray(at, at += 2 * sizeOf(dims))).toFloat32());
  });
}
