import { existsSync } from 'node:fs';
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
  /** What TensorFlow.js calls the backend. */
  readonly name: string;
  /** The package that brings it, and its version. */
  readonly packageName: string;
  readonly version: string;
}

const require = createRequire(import.meta.url);

/** The package that brings each device. */
export const TFJS_PACKAGES: Readonly<Record<TfjsDevice, string>> = {
  gpu: '@tensorflow/tfjs-node-gpu', node: '@tensorflow/tfjs-node', wasm: '@tensorflow/tfjs-backend-wasm', cpu: '@tensorflow/tfjs-backend-cpu',
};

/** Whether the package of a device is there; not whether it works. */
export function isInstalled(device: TfjsDevice): boolean {
  return whyNotInstalled(device) === undefined;
}

/**
 * What is missing of the package of a device, with the command that brings it; `undefined` if nothing is. TensorFlow's
 * packages may lack their native library: their install script fetches it, and npm does not run such scripts everywhere.
 * To load the package would tell this, too, but takes a second.
 */
export function whyNotInstalled(device: TfjsDevice): UserError | undefined {
  const name = TFJS_PACKAGES[device];
  try {
    const folder = dirname(require.resolve(`${name}/package.json`));
    if ((device !== 'gpu' && device !== 'node') || existsSync(join(folder, 'lib'))) return undefined;
    return new UserError(`${name} is installed without its native library, because its install script did not run`, `npm rebuild ${name} --ignore-scripts=false`);
  } catch {
    return new UserError(`${name} is not installed`, `npm install ${name}`);
  }
}

/**
 * Loads TensorFlow.js with one backend. A thread has one current backend; sessions of several take turns.
 *
 * @throws UserError where it is not installed or does not work here, with the command that brings it
 */
export async function loadTfjs(device: TfjsDevice): Promise<TfjsBackend> {
  const packageName = TFJS_PACKAGES[device];
  const missing = whyNotInstalled(device);
  if (missing !== undefined) throw missing;
  try {
    const tf = device === 'wasm' || device === 'cpu' ? await portable(device) : await native(device);
    return { tf, device, name: tf.getBackend(), packageName, version: versionOf(packageName) };
  } catch (error) {
    const hint = device === 'gpu' ? 'it needs Linux or Windows and an NVIDIA GPU with CUDA and cuDNN' : `npm rebuild ${packageName}, or npm install ${packageName}`;
    throw new UserError(`${packageName} does not work here: ${messageOf(error).split('\n')[0]}`, hint, { cause: error });
  }
}

/** TensorFlow itself: its packages bring their own copy of TensorFlow.js's core, whose tensors do not mix with another's. */
async function native(device: 'gpu' | 'node'): Promise<TfModule> {
  const loaded = await import(pathToFileURL(require.resolve(TFJS_PACKAGES[device])).href) as { default?: TfModule } & TfModule;
  const tf = loaded.default ?? loaded;
  await tf.ready();
  if (tf.getBackend() !== 'tensorflow') throw new Error(`its backend is '${tf.getBackend()}'`);
  // TensorFlow for GPUs runs without one, too, on the processor: that would be a silent fall-back.
  const backend = tf.backend() as { isUsingGpuDevice?: boolean };
  if (device === 'gpu' && backend.isUsingGpuDevice !== true) throw new Error('it sees no GPU');
  return tf;
}

/** What runs everywhere, and in worker threads too. */
async function portable(device: 'wasm' | 'cpu'): Promise<TfModule> {
  const tf = await import('@tensorflow/tfjs-core');
  // It would recommend its other packages on standard error.
  tf.enableProdMode();
  if (device === 'wasm') {
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
    setWasmPaths(join(dirname(require.resolve(TFJS_PACKAGES.wasm)), sep));
  } else {
    await import('@tensorflow/tfjs-backend-cpu');
  }
  if (!await tf.setBackend(device)) throw new Error('it cannot be initialised');
  return tf;
}

function versionOf(name: string): string {
  return (require(`${name}/package.json`) as { version: string }).version;
}
