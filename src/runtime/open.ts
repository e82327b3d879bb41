import type { RuntimeName } from './names.js';
import { UserError } from '../errors.js';
import type { OrtDevice } from './ort/ort.js';
import { openOrt, ORT_DEVICES } from './ort/ort.js';
import type { Runtime } from './runtime.js';
import type { TfjsDevice } from './tfjs/backend.js';
import { isInstalled, loadTfjs, TFJS_DEVICES } from './tfjs/backend.js';
import { tfjsRuntime } from './tfjs/runtime.js';

/**
 * Which runtime is to run the graphs, and on which device; plain data, so that it can cross to a worker thread.
 *
 * `auto` is TensorFlow.js where `@tensorflow/tfjs-node-gpu` is installed and sees a GPU, ONNX Runtime everywhere else, and
 * TensorFlow.js again where there is no ONNX Runtime for the platform; where only the device is given, it is the runtime
 * that has such a device (for `cpu`, ONNX Runtime). Without a device, `ort` takes the processor and `tfjs` the first that
 * works of {@link TFJS_DEVICES}.
 */
export interface RuntimeChoice {
  readonly runtime: RuntimeName;
  /** One of {@link ORT_DEVICES} or {@link TFJS_DEVICES}. */
  readonly device?: string;
}

/** A runtime that works. */
export interface OpenedRuntime {
  readonly runtime: Runtime;
  /** Runtime, version and device, for people: `onnxruntime 1.30.0 (cpu)`. */
  readonly description: string;
  /** What was taken: opened again, in another thread for example, it is the same, or an error. */
  readonly choice: RuntimeChoice;
  /** Whether it is not the processor that computes: then there is one device for all, and further sessions gain nothing. */
  readonly accelerated: boolean;
}

/** Devices of both runtimes that are the processor. */
const PROCESSORS: readonly string[] = ['cpu', 'node', 'wasm'];

/**
 * Opens the runtime that is asked for. A device that is asked for is used, or an error is thrown: nothing falls back to
 * another device.
 *
 * ```ts
 * const { runtime, description } = await openRuntime({ runtime: 'ort', device: 'cuda' });
 * const cam = await openCam(plan, runtime, { threads: 2 });
 * ```
 *
 * @throws UserError where there is no such device, or it does not work here, with what to do
 */
export async function openRuntime({ runtime, device }: RuntimeChoice = { runtime: 'auto' }): Promise<OpenedRuntime> {
  if (runtime === 'auto') return device === undefined ? openBest() : openRuntime({ runtime: runtimeWith(device), device });
  if (runtime === 'ort') {
    if (device === undefined || isOrt(device)) return onOrt(device ?? 'cpu');
    throw noSuchDevice('ONNX Runtime', device, ORT_DEVICES, isTfjs(device) ? 'tfjs' : undefined);
  }
  if (device === undefined) return onBestTfjs();
  if (isTfjs(device)) return onTfjs(device);
  throw noSuchDevice('TensorFlow.js', device, TFJS_DEVICES, isOrt(device) ? 'ort' : undefined);
}

async function openBest(): Promise<OpenedRuntime> {
  if (isInstalled('gpu')) {
    try {
      return await onTfjs('gpu');
    } catch {
      // Installed, but no GPU that it could use: that is what `auto` is for.
    }
  }
  // Where ONNX Runtime does not exist for the platform, TensorFlow.js runs in WebAssembly.
  return onOrt('cpu').catch(onBestTfjs);
}

async function onBestTfjs(): Promise<OpenedRuntime> {
  const reasons: string[] = [];
  for (const device of TFJS_DEVICES.filter(isInstalled)) {
    try {
      return await onTfjs(device);
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  throw new UserError(`no backend of TensorFlow.js works here: ${reasons.join('; ')}`, 'run voc-seeds doctor');
}

async function onOrt(device: OrtDevice): Promise<OpenedRuntime> {
  return opened(await openOrt(device), { runtime: 'ort', device });
}

async function onTfjs(device: TfjsDevice): Promise<OpenedRuntime> {
  return opened(tfjsRuntime(await loadTfjs(device)), { runtime: 'tfjs', device });
}

function opened(runtime: Runtime, choice: Required<RuntimeChoice>): OpenedRuntime {
  return { runtime, description: `${runtime.name} ${runtime.version} (${choice.device})`, choice, accelerated: !PROCESSORS.includes(choice.device) };
}

function runtimeWith(device: string): 'ort' | 'tfjs' {
  if (isOrt(device)) return 'ort';
  if (isTfjs(device)) return 'tfjs';
  throw noSuchDevice('any runtime', device, [...new Set([...ORT_DEVICES, ...TFJS_DEVICES])]);
}

function noSuchDevice(of: string, device: string, devices: readonly string[], other?: string): UserError {
  return new UserError(`'${device}' is no device of ${of}`, `its devices are ${devices.join(', ')}${other === undefined ? '' : `; or give --runtime ${other}`}`);
}

function isOrt(device: string): device is OrtDevice {
  return (ORT_DEVICES as readonly string[]).includes(device);
}

function isTfjs(device: string): device is TfjsDevice {
  return (TFJS_DEVICES as readonly string[]).includes(device);
}
