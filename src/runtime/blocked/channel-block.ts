import { GraphBuilder } from '../../onnx/builder.js';
import { DataType } from '../../onnx/tensor.js';
import { serializeModel } from '../../onnx/file/write.js';
import { isAccelerated } from '../runtime.js';
import type { Runtime } from '../runtime.js';
import { BLOCKED_DOMAIN } from './blocked-graph.js';

/** Whether a runtime is ONNX Runtime on the processor, the only one that has a blocked layout. */
export function mayHaveBlocks(runtime: Pick<Runtime, 'name' | 'device'>): boolean {
  return runtime.name === 'onnxruntime' && !isAccelerated(runtime);
}

/**
 * The number of channels in a block of a runtime's blocked layout on this processor: 8 or 16. It is found by converting a small
 * tensor. See `blockedLayout`.
 *
 * @returns `undefined` if the runtime has no such layout here
 */
export async function channelBlock(runtime: Runtime): Promise<number | undefined> {
  if (!mayHaveBlocks(runtime)) return undefined;
  const b = new GraphBuilder();
  const dims = [1, 4, 1, 1];
  const input = b.reserve('plain');
  b.nodes.push({ name: 'convert', op: 'ReorderInput', domain: BLOCKED_DOMAIN, inputs: [input], outputs: ['blocked'], attributes: {} });
  const model = serializeModel({
    irVersion: 8, opset: 18, otherOpsets: new Map([[BLOCKED_DOMAIN, 1]]), producer: 'voc-seeds', metadata: new Map(),
    graph: {
      name: 'probe', nodes: b.nodes, initializers: b.initializers, inputs: [{ name: input, type: DataType.float32, shape: dims }],
      outputs: [{ name: 'blocked', type: DataType.float32, shape: undefined }],
    },
  });
  try {
    const session = await runtime.load(model, { threads: 1 });
    const { blocked } = await session.run({ [input]: { type: 'float32', dims, data: new Float32Array(4) } });
    await session.release();
    const [, channels] = blocked.dims;
    return channels > 1 ? channels : undefined;
  } catch {
    return undefined;
  }
}
