import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { OnnxModel } from '../../../src/onnx/model.js';
import { ModelType } from '../../../src/onnx/proto.js';
import { serializeModel } from '../../../src/onnx/file/write.js';

/** Writes a model with all of its weights in a file beside it. */
export async function withSideFile(path: string, model: OnnxModel, location: string): Promise<void> {
  const proto = ModelType.toObject(ModelType.decode(serializeModel(model))) as { graph: { initializer: { raw_data: Uint8Array }[] } };
  const weights: Uint8Array[] = [];
  let offset = 0;
  proto.graph.initializer = proto.graph.initializer.map((tensor) => {
    const bytes = tensor.raw_data;
    weights.push(bytes);
    const entries = { location, offset: String(offset), length: String(bytes.byteLength) };
    offset += bytes.byteLength;
    const external_data = Object.entries(entries).map(([key, value]) => ({ key, value }));
    return { ...tensor, raw_data: new Uint8Array(), data_location: 1, external_data };
  });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(join(dirname(path), location), Buffer.concat(weights));
  await writeFile(path, ModelType.encode(ModelType.fromObject(proto)).finish());
}
