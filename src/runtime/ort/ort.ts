import { createRequire } from 'node:module';
import type * as Ort from 'onnxruntime-node';
import { messageOf, UserError } from '../../errors.js';
import { AbandonedError, requireWanted } from '../../jobs/stop/abandon.js';
import { DataType, OnnxTensor } from '../../onnx/tensor.js';
import { serializeModel } from '../../onnx/file/write.js';
import type { Runtime, RuntimeTensor, Session, SessionOptions } from '../runtime.js';
import { prepareEnvironment } from '../environment.js';

/** The devices of ONNX Runtime. Not every platform has all of them; see {@link openOrt}. */
export const ORT_DEVICES = ['cpu', 'cuda', 'webgpu', 'coreml', 'dml'] as const;
export type OrtDevice = typeof ORT_DEVICES[number];

let loading: Promise<typeof Ort> | undefined;

/**
 * Loads the library on first use, because it is large and native, and does not exist for every platform.
 *
 * @throws UserError if it cannot be loaded
 */
function library(): Promise<typeof Ort> {
  return loading ??= loadLibrary();
}

async function loadLibrary(): Promise<typeof Ort> {
  await prepareEnvironment();
  try {
    const ort = await import('onnxruntime-node');
    // Errors are thrown. The log on standard error would repeat them.
    ort.env.logLevel = 'fatal';
    return ort;
  } catch (error) {
    throw new UserError(`ONNX Runtime does not work on ${process.platform} ${process.arch}: ${messageOf(error)}`, 'try TensorFlow.js: --runtime tfjs', { cause: error });
  }
}

/** The installed version, without loading the library. */
function installedVersion(): string {
  try {
    return (createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }).version;
  } catch {
    return 'none';
  }
}

/** ONNX Runtime on the CPU. A run blocks its thread, so the batch commands run it in worker threads. */
export const ortRuntime: Runtime = runtimeOn('cpu');

/**
 * Opens ONNX Runtime on a device. By itself it falls back to the CPU if a device does not work. Here a small graph is run first
 * without that fallback, so that the device is used or an error is thrown.
 *
 * @throws UserError if the device does not exist here or does not work, with a hint
 */
export async function openOrt(device: OrtDevice): Promise<Runtime> {
  const { Tensor } = await library();
  if (device === 'cpu') return ortRuntime;
  const here = await ortDevicesHere();
  if (!here.includes(device)) {
    throw new UserError(`ONNX Runtime has no device '${device}' on ${process.platform} ${process.arch}`, `choose from ${here.join(', ')}; voc-seeds doctor shows which of them work`);
  }
  try {
    const session = await createSession(probe(), { threads: 1 }, device, true);
    const feeds = { x: new Tensor('float32', Float32Array.of(1, 2, 3, 4), [1, 1, 2, 2]) };
    const { y } = await session.run(feeds).finally(() => session.release());
    if (y.data[0] !== 10) throw new Error(`it computes 1 + 2 + 3 + 4 = ${String(y.data[0])}`);
  } catch (error) {
    throw new UserError(`ONNX Runtime's device '${device}' does not work here: ${reasonOf(error)}`, requirements[device], { cause: error });
  }
  return runtimeOn(device);
}

/** The message of an error, without the position in ONNX Runtime's source code and the failed condition. */
function reasonOf(error: unknown): string {
  return messageOf(error).split('\n')[0].replace(/^\/.*was false\. /, '');
}

const requirements: Readonly<Record<Exclude<OrtDevice, 'cpu'>, string>> = {
  cuda: 'it needs an NVIDIA GPU, CUDA 12 and cuDNN 9 in the library path, and ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js',
  webgpu: 'it needs a GPU whose driver supports Vulkan, Metal or Direct3D 12',
  coreml: 'it needs macOS 10.15 or later',
  dml: 'it needs Windows and a GPU that supports DirectX 12',
};

/** The devices that ONNX Runtime has on this platform, whether they work or not; none if it cannot be loaded. */
export async function ortDevicesHere(): Promise<OrtDevice[]> {
  const ort = await library().catch(() => undefined);
  const brought = new Set(ort?.listSupportedBackends().map(({ name }) => name));
  return ORT_DEVICES.filter((device) => brought.has(device));
}

/** A convolution x [1, 1, 2, 2] -> y [1, 1, 1, 1] with ones, which every device supports. */
const probe = (): Uint8Array => serializeModel({
  irVersion: 8, opset: 18, otherOpsets: new Map(), producer: '', metadata: new Map(),
  graph: {
    name: 'probe', initializers: new Map([['w', OnnxTensor.float32([1, 1, 2, 2], [1, 1, 1, 1])]]),
    nodes: [{ name: 'conv', op: 'Conv', domain: '', inputs: ['x', 'w'], outputs: ['y'], attributes: {} }],
    inputs: [{ name: 'x', type: DataType.float32, shape: [1, 1, 2, 2] }],
    outputs: [{ name: 'y', type: DataType.float32, shape: [1, 1, 1, 1] }],
  },
});

function runtimeOn(device: OrtDevice): Runtime {
  return {
    name: 'onnxruntime', device,
    get version() { return installedVersion(); },
    load: async (model, options) => {
      try {
        const { Tensor } = await library();
        requireWanted();
        return new OrtSession(await createSession(model, options, device), Tensor, options.overwrite === true);
      } catch (error) {
        if (error instanceof UserError || error instanceof AbandonedError) throw error;
        throw new UserError(`ONNX Runtime cannot load the graph: ${messageOf(error)}`, undefined, { cause: error });
      }
    },
  };
}

/** @param strict whether it is an error if a node would run on the CPU instead */
async function createSession(
  model: Uint8Array, { threads, steady = false, arena = true }: SessionOptions, device: OrtDevice, strict = false,
): Promise<Ort.InferenceSession> {
  const { InferenceSession } = await library();
  return await InferenceSession.create(model, {
    // With only one provider, it is an error if that cannot be started.
    executionProviders: [device],
    enableCpuMemArena: arena,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // A pattern is kept for every input size. With images of many sizes, memory would grow. DirectML does not support patterns.
    enableMemPattern: steady && device !== 'dml',
    logSeverityLevel: 3,
    extra: {
      session: {
        ...strict && { disable_cpu_ep_fallback: '1' },
        // Tiny gradients are common, and denormal arithmetic is slow.
        set_denormal_as_zero: '1',
        // Waiting threads should leave the processor to other sessions and the image decoder. But if there is only one session,
        // waking up threads for each of a thousand small operators costs a fifth of the time.
        intra_op: { allow_spinning: steady ? '1' : '0' },
      },
    },
  });
}

class OrtSession implements Session {
  private last: Readonly<Record<string, Ort.Tensor>> = {};

  constructor(
    private readonly session: Ort.InferenceSession, private readonly tensor: typeof Ort.Tensor, private readonly overwrite: boolean,
  ) {}

  async run(
    feeds: Readonly<Record<string, RuntimeTensor>>, outputs: readonly string[] = this.session.outputNames,
  ): Promise<Record<string, RuntimeTensor>> {
    requireWanted();
    const inputs = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(this.tensor, tensor)]));
    const results = await this.session.run(inputs, Object.fromEntries(outputs.map((name) => [name, this.last[name] ?? null])));
    if (this.overwrite) this.last = { ...this.last, ...results };
    return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(name, tensor)]));
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}

function toOrt(Tensor: typeof Ort.Tensor, { type, data, dims }: RuntimeTensor): Ort.Tensor {
  return type === 'float32' ? new Tensor(type, data, dims) : new Tensor(type, data, dims);
}

function fromOrt(name: string, tensor: Ort.Tensor): RuntimeTensor {
  if (tensor.type === 'float32') return { type: 'float32', dims: tensor.dims, data: tensor.data as Float32Array };
  if (tensor.type === 'int64') return { type: 'int64', dims: tensor.dims, data: tensor.data as BigInt64Array };
  throw new UserError(`output '${name}' of the graph is of type ${tensor.type}, which is not supported`);
}
