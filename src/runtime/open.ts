import type { RuntimeName } from './names.js';
import { UserError } from '../errors.js';
import type { OrtDevice } from './ort/ort.js';
import { openOrt, ORT_DEVICES } from './ort/ort.js';
import { isAccelerated } from './runtime.js';
import type { Runtime } from './runtime.js';
import type { TfjsDevice } from './tfjs/backend.js';
import { isInstalled, loadTfjs, TFJS_DEVICES } from './tfjs/backend.js';
import { tfjsRuntime } from './tfjs/runtime.js';

/**
 * The runtime for the graphs and its device, as plain data, so that it can be sent to a worker thread.
 *
 * `auto` is TensorFlow.js if `@tensorflow/tfjs-node-gpu` is installed and finds a GPU, else ONNX Runtime, or TensorFlow.js if
 * there is no ONNX Runtime for the platform. If only a device is given, `auto` is the runtime with that device (for `cpu`, ONNX
 * Runtime). If no device is given, `ort` uses the processor, and `tfjs` the first device of {@link TFJS_DEVICES} that works.
 */
export interface RuntimeChoice {
  readonly runtime: RuntimeName;
  /** One of {@link ORT_DEVICES} or {@link TFJS_DEVICES}. */
  readonly device?: string;
}

/** A runtime that works. */
export interface OpenedRuntime {
  readonly runtime: Runtime;
  /** Runtime, version and device for messages: `onnxruntime 1.30.0 (cpu)`. */
  readonly description: string;
  /** The runtime and device that were opened. Opening this, for example in another thread, gives the same runtime or an error. */
  readonly choice: RuntimeChoice;
  /** Whether an accelerator computes, not the processor. All sessions then share one device. */
  readonly accelerated: boolean;
}

/**
 * Opens a runtime. If a device is given, it is used or an error is thrown. There is no fallback to another device.
 *
 * ```ts
 * const { runtime, description } = await openRuntime({ runtime: 'ort', device: 'cuda' });
 * const cam = await openCam(plan, runtime, { threads: 2 });
 * ```
 *
 * @throws UserError if there is no such device, or it does not work here, with a hint
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
      // It is installed, but has no GPU to use.
    }
  }
  // If ONNX Runtime does not exist for the platform, TensorFlow.js still runs in WebAssembly.
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
  return { runtime, description: `${runtime.name} ${runtime.version} (${choice.device})`, choice, accelerated: isAccelerated(runtime) };
}

function runtimeWith(device: string): 'ort' | 'tfjs' {
  if (isOrt(device)) return 'ort';
  if (isTfjs(device)) return 'tfjs';
  throw noSuchDevice('any runtime', device, [...new Set([...ORT_DEVICES, ...TFJS_DEVICES])]);
}

function noSuchDevice(of: string, device: string, devices: readonly string[], other?: string): UserError {
  return new UserError(`'${device}' is not a device of ${of}`, `choose from ${devices.join(', ')}${other === undefined ? '' : `, or use --runtime ${other}`}`);
}

function isOrt(device: string): device is OrtDevice {
  return (ORT_DEVICES as readonly string[]).includes(device);
}

function isTfjs(device: string): device is TfjsDevice {
  return (TFJS_DEVICES as readonly string[]).includes(device);
}
