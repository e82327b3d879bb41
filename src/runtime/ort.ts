import * as ort from 'onnxruntime-node';
import { messageOf, UserError } from '../errors.js';
import type { Runtime, RuntimeTensor, Session, SessionOptions } from './runtime.js';

/** ONNX Runtime on the CPU. A run blocks its thread; the batch commands therefore run it in worker threads. */
export const ortRuntime: Runtime = {
  name: 'onnxruntime',
  version: ort.env.versions.node ?? ort.env.versions.common,
  load: async (model, options) => new OrtSession(await createSession(model, options)),
};

async function createSession(model: Uint8Array, { threads, steady = false }: SessionOptions): Promise<ort.InferenceSession> {
  try {
    return await ort.InferenceSession.create(model, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      // A pattern is kept for every input size; images have too many sizes for memory to stay flat with it.
      enableMemPattern: steady,
      logSeverityLevel: 3,
      extra: {
        session: {
          // Tiny gradients are common, and denormal arithmetic is slow.
          set_denormal_as_zero: '1',
          // A waiting thread must not eat the processor that another session or the image decoder could use; but where one
          // session is all there is, waking threads up for each of a thousand small operators costs a fifth of the time.
          intra_op: { allow_spinning: steady ? '1' : '0' },
        },
      },
    });
  } catch (error) {
    throw new UserError(`ONNX Runtime cannot load the graph: ${messageOf(error)}`, undefined, { cause: error });
  }
}

class OrtSession implements Session {
  constructor(private readonly session: ort.InferenceSession) {}

  async run(
    feeds: Readonly<Record<string, RuntimeTensor>>, outputs: readonly string[] = this.session.outputNames,
  ): Promise<Record<string, RuntimeTensor>> {
    const inputs = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(tensor)]));
    const results = await this.session.run(inputs, outputs);
    return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(name, tensor)]));
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

function toOrt({ type, data, dims }: RuntimeTensor): ort.Tensor {
  return type === 'float32' ? new ort.Tensor(type, data, dims) : new ort.Tensor(type, data, dims);
}

function fromOrt(name: string, tensor: ort.Tensor): RuntimeTensor {
  if (tensor.type === 'float32') return { type: 'float32', dims: tensor.dims, data: tensor.data as Float32Array };
  if (tensor.type === 'int64') return { type: 'int64', dims: tensor.dims, data: tensor.data as BigInt64Array };
  throw new UserError(`output '${name}' of the graph is of type ${tensor.type}; float32 is wanted`);
}
