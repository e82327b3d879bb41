import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, UserError } from '../../errors.js';
import { prepareEnvironment } from '../environment.js';
import type { TfModule } from './value.js';

/** The devices of TensorFlow.js: TensorFlow on a GPU, TensorFlow on the processor, WebAssembly, and plain JavaScript. */
export const TFJS_DEVICES = ['gpu', 'node', 'wasm', 'cpu'] as const;
export type TfjsDevice = typeof TFJS_DEVICES[number];

/** TensorFlow.js with a backend that works. */
export interface TfjsBackend {
  readonly tf: TfModule;
  readonly device: TfjsDevice;
  /** The backend's name in TensorFlow.js. */
  readonly name: string;
  /** The package of the backend, and its version. */
  readonly packageName: string;
  readonly version: string;
}

const require = createRequire(import.meta.url);

/** The package for each device. */
export const TFJS_PACKAGES: Readonly<Record<TfjsDevice, string>> = {
  gpu: '@tensorflow/tfjs-node-gpu', node: '@tensorflow/tfjs-node', wasm: '@tensorflow/tfjs-backend-wasm', cpu: '@tensorflow/tfjs-backend-cpu',
};

/** Whether the package of a device is installed. It may still not work. */
export function isInstalled(device: TfjsDevice): boolean {
  return whyNotInstalled(device) === undefined;
}

/**
 * The reason why the package of a device is not fully installed, with the command that installs it; `undefined` if it is.
 * TensorFlow's packages may lack their native library, because their install script fetches it and npm does not always run
 * such scripts. This is checked here without loading the package, which takes a second.
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
 * Loads TensorFlow.js with one backend. A thread has one current backend, so sessions with different backends take turns.
 *
 * @throws UserError if it is not installed or does not work here, with the command that installs it
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

/** Native TensorFlow. Its packages have their own copy of TensorFlow.js's core, whose tensors work only with that copy. */
async function native(device: 'gpu' | 'node'): Promise<TfModule> {
  await prepareEnvironment();
  const loaded = await import(pathToFileURL(require.resolve(TFJS_PACKAGES[device])).href) as { default?: TfModule } & TfModule;
  const tf = loaded.default ?? loaded;
  await tf.ready();
  if (tf.getBackend() !== 'tensorflow') throw new Error(`its backend is '${tf.getBackend()}'`);
  // Without a GPU, TensorFlow would silently fall back to the processor.
  const backend = tf.backend() as { isUsingGpuDevice?: boolean };
  if (device === 'gpu' && backend.isUsingGpuDevice !== true) throw new Error('it finds no GPU');
  return tf;
}

/** Backends that run everywhere, including in worker threads. */
async function portable(device: 'wasm' | 'cpu'): Promise<TfModule> {
  const tf = await import('@tensorflow/tfjs-core');
  // Otherwise it recommends its other packages on standard error.
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
