import type { Command } from 'commander';
import { RUNTIME_NAMES } from '../../runtime/names.js';
import type { RuntimeName } from '../../runtime/names.js';
import type { RuntimeChoice } from '../../runtime/open.js';
import { ORT_DEVICES } from '../../runtime/ort/ort.js';
import { TFJS_DEVICES } from '../../runtime/tfjs/backend.js';
import { choice } from './choice.js';

/** The flags of {@link addRuntimeOptions}. */
export interface RuntimeFlags {
  runtime?: RuntimeName;
  device?: string;
}

/** Adds the options that say what runs the graphs, and where. */
export function addRuntimeOptions(command: Command): Command {
  return command
    .addOption(choice('--runtime <name>', 'ort (ONNX Runtime), tfjs (TensorFlow.js), or auto: tfjs if it has a GPU, else ort', RUNTIME_NAMES))
    .addOption(choice('--device <name>', `of ort: ${ORT_DEVICES.join(', ')}; of tfjs: ${TFJS_DEVICES.join(', ')}; voc-seeds doctor tells which of them work`, [...new Set<string>([...ORT_DEVICES, ...TFJS_DEVICES])]));
}

/** What the flags choose; `undefined` where none is given. */
export function runtimeChoiceOf({ runtime, device }: RuntimeFlags): RuntimeChoice | undefined {
  return runtime === undefined && device === undefined ? undefined : { runtime: runtime ?? 'auto', device };
}
