import { dataTypeName, sizeOf } from '../../../src/onnx/tensor.js';
import type { StoredTensor } from '../../../src/formats/weights/stored-tensor.js';

/** A safetensors file of float32 tensors: header's length, header, numbers. */
export async function safetensorsFile(tensors: Iterable<readonly [string, StoredTensor]>): Promise<Buffer> {
  const header: Record<string, unknown> = {};
  const parts: Buffer[] = [];
  let at = 0;
  for (const [name, tensor] of tensors) {
    if (dataTypeName(tensor.type) !== 'float32') continue;
    const bytes = 4 * sizeOf(tensor.shape);
    header[name] = { dtype: 'F32', shape: tensor.shape, data_offsets: [at, at += bytes] };
    parts.push(Buffer.from((await tensor.read()).slice().buffer));
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...parts]);
}
