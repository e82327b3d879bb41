import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, UserError } from '../../errors.js';
import type { TfModule } from './value.js';

/** Where TensorFlow.js computes: TensorFlow on a GPU, TensorFlow on the processor, WebAssembly, or plain JavaScript. */
export const TFJS_DEVICES = ['gpu', 'node', 'wasm', 'cpu'] as const;
export type TfjsDevice = typeof TFJS_DEVICES[number];

/** TensorFlow.js with a backend that works. */
export interface TfjsBackend {
  readonly tf: TfModule;
  readonly device: TfjsDevice;
  /** The package that brings it, and its version. */
  readonly description: string;
}

const require = createRequire(import.meta.url);

/**
 * Loads TensorFlow.js with one backend.
 *
 * @throws UserError where it is not installed or does not work here, with the command that brings it
 */
export async function loadTfjs(device: TfjsDevice): Promise<TfjsBackend> {
  switch (device) {
    case 'gpu': return native('@tensorflow/tfjs-node-gpu', device);
    case 'node': return native('@tensorflow/tfjs-node', device);
    case 'wasm': return portable('@tensorflow/tfjs-backend-wasm', device);
    case 'cpu': return portable('@tensorflow/tfjs-backend-cpu', device);
  }
}

/** The package that brings each device. */
export const TFJS_PACKAGES: Readonly<Record<TfjsDevice, string>> = {
  gpu: '@tensorflow/tfjs-node-gpu', node: '@tensorflow/tfjs-node', wasm: '@tensorflow/tfjs-backend-wasm', cpu: '@tensorflow/tfjs-backend-cpu',
};

/** Whether the package of a device is there; not whether it works. */
export function isInstalled(device: TfjsDevice): boolean {
  try {
    require.resolve(TFJS_PACKAGES[device]);
    return true;
  } catch {
    return false;
  }
}

/** TensorFlow itself: these packages bring their own copy of TensorFlow.js's core, whose tensors do not mix with another's. */
async function native(name: string, device: TfjsDevice): Promise<TfjsBackend> {
  const hint = `npm install ${name}`;
  let path: string;
  try {
    path = require.resolve(name);
  } catch {
    throw new UserError(`${name} is not installed`, hint);
  }
  try {
    const loaded = await import(pathToFileURL(path).href) as { default?: TfModule } & TfModule;
    const tf = loaded.default ?? loaded;
    await tf.ready();
    if (tf.getBackend() !== 'tensorflow') throw new Error(`its backend is '${tf.getBackend()}'`);
    // TensorFlow for GPUs runs without one, too, on the processor: that would be a silent fall-back.
    const backend = tf.backend() as { isUsingGpuDevice?: boolean };
    if (device === 'gpu' && backend.isUsingGpuDevice !== true) throw new Error('it sees no GPU');
    return { tf, device, description: `${name} ${versionOf(name)}` };
  } catch (error) {
    throw new UserError(`${name} does not work here: ${messageOf(error)}`, device === 'gpu' ? 'it needs an NVIDIA GPU with CUDA and cuDNN' : `${hint} again, for this version of Node`, { cause: error });
  }
}

async function portable(name: string, device: 'wasm' | 'cpu'): Promise<TfjsBackend> {
  try {
    const tf = await import('@tensorflow/tfjs-core');
    if (device === 'wasm') {
      const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
      setWasmPaths(join(dirname(require.resolve(name)), sep));
    } else {
      await import('@tensorflow/tfjs-backend-cpu');
    }
    if (!await tf.setBackend(device)) throw new Error('it cannot be initialised');
    await tf.ready();
    return { tf, device, description: `${name} ${versionOf(name)}` };
  } catch (error) {
    throw new UserError(`${name} does not work here: ${messageOf(error)}`, 'install voc-seeds again: npm install', { cause: error });
  }
}

function versionOf(name: string): string {
  return (require(`${name}/package.json`) as { version: string }).version;
}
