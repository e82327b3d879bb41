import { createRequire } from 'node:module';
import type * as Ort from 'onnxruntime-node';
import { messageOf, UserError } from '../../errors.js';
import { AbandonedError, requireWanted } from '../../jobs/stop/abandon.js';
import { DataType, OnnxTensor } from '../../onnx/tensor.js';
import { serializeModel } from '../../onnx/file/write.js';
import type { Runtime, RuntimeTensor, Session, SessionOptions } from '../runtime.js';
import { disableTelemetry } from './telemetry.js';

/** Where ONNX Runtime can compute. Which of them it brings depends on the platform; see {@link openOrt}. */
export const ORT_DEVICES = ['cpu', 'cuda', 'webgpu', 'coreml', 'dml'] as const;
export type OrtDevice = typeof ORT_DEVICES[number];

let loading: Promise<typeof Ort> | undefined;

/**
 * Loads the library on first use: it is a large native one, and does not exist for every platform; without it there is
 * TensorFlow.js.
 *
 * @throws UserError if it cannot be loaded
 */
function library(): Promise<typeof Ort> {
  return loading ??= loadLibrary();
}

async function loadLibrary(): Promise<typeof Ort> {
  await disableTelemetry();
  try {
    const ort = await import('onnxruntime-node');
    // What fails is thrown, and told there; its log on standard error would tell it twice.
    ort.env.logLevel = 'fatal';
    return ort;
  } catch (error) {
    throw new UserError(`ONNX Runtime does not work on ${process.platform} ${process.arch}: ${messageOf(error)}`, 'TensorFlow.js may: --runtime tfjs', { cause: error });
  }
}

/** The version that is installed; the library need not be loaded for it. */
function installedVersion(): string {
  try {
    return (createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }).version;
  } catch {
    return 'none';
  }
}

/** ONNX Runtime on the CPU. A run blocks its thread; the batch commands therefore run it in worker threads. */
export const ortRuntime: Runtime = runtimeOn('cpu');

/**
 * ONNX Runtime on a device. Its own way with a device that does not work is to compute on the CPU instead; here a small
 * graph is run first that must not, so that a device is used or an error is thrown.
 *
 * @throws UserError where the device is not there or does not work, with what to do
 */
export async function openOrt(device: OrtDevice): Promise<Runtime> {
  const { Tensor } = await library();
  if (device === 'cpu') return ortRuntime;
  const here = await ortDevicesHere();
  if (!here.includes(device)) {
    throw new UserError(`ONNX Runtime has no device '${device}' on ${process.platform} ${process.arch}`, `it has ${here.join(', ')}; voc-seeds doctor tells which of them work`);
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

/** What it says, without the place in its source code and the condition that failed there. */
function reasonOf(error: unknown): string {
  return messageOf(error).split('\n')[0].replace(/^\/.*was false\. /, '');
}

const requirements: Readonly<Record<Exclude<OrtDevice, 'cpu'>, string>> = {
  cuda: 'it needs an NVIDIA GPU, CUDA 12 and cuDNN 9, and ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js',
  webgpu: 'it needs a GPU whose driver speaks Vulkan, Metal or Direct3D 12',
  coreml: 'it needs macOS 10.15 or later',
  dml: 'it needs Windows with a GPU that speaks DirectX 12',
};

/** The devices that ONNX Runtime knows on this platform, none where it cannot be loaded; not whether they work. */
export async function ortDevicesHere(): Promise<OrtDevice[]> {
  const ort = await library().catch(() => undefined);
  const brought = new Set(ort?.listSupportedBackends().map(({ name }) => name));
  return ORT_DEVICES.filter((device) => brought.has(device));
}

/** A convolution x [1, 1, 2, 2] -> y [1, 1, 1, 1] with ones: every device can do it. */
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
    name: 'onnxruntime',
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

/** @param strict no node may be left to the CPU */
async function createSession(
  model: Uint8Array, { threads, steady = false, arena = true }: SessionOptions, device: OrtDevice, strict = false,
): Promise<Ort.InferenceSession> {
  const { InferenceSession } = await library();
  return await InferenceSession.create(model, {
    // With one provider alone, one that cannot be started is an error.
    executionProviders: [device],
    enableCpuMemArena: arena,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // A pattern is kept for every input size; images have too many sizes for memory to stay flat with it. DirectML has no patterns.
    enableMemPattern: steady && device !== 'dml',
    logSeverityLevel: 3,
    extra: {
      session: {
        ...strict && { disable_cpu_ep_fallback: '1' },
        // Tiny gradients are common, and denormal arithmetic is slow.
        set_denormal_as_zero: '1',
        // A waiting thread must not eat the processor that another session or the image decoder could use; but where one
        // session is all there is, waking threads up for each of a thousand small operators costs a fifth of the time.
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
  throw new UserError(`output '${name}' of the graph is of type ${tensor.type}; float32 is wanted`);
}
