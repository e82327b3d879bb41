import { UserError } from '../errors.js';
import type { OpenedRuntime } from './open.js';

/**
 * Checks that so many workers may open the runtime, each for itself.
 *
 * @throws UserError if the device does not work in so many
 */
export function requireWorkers({ choice: { device } }: OpenedRuntime, workers: number): void {
  // With several, ONNX Runtime ends the process without a message.
  if (device === 'webgpu' && workers > 1) throw new UserError(`the device 'webgpu' works in one worker, not in ${workers}`, 'leave out --workers');
}

/**
 * The number of workers that may open the runtime, each for itself.
 *
 * @param wanted by the user
 * @param otherwise for the processor
 * @throws UserError like {@link requireWorkers}
 */
export function workersOn(opened: OpenedRuntime, wanted: number | undefined, otherwise: number): number {
  const workers = wanted ?? (opened.accelerated ? 1 : otherwise);
  requireWorkers(opened, workers);
  return workers;
}

/**
 * Checks that gradients of a device can be trusted without a comparison. CAM programs are compared with the processor when they are
 * loaded, and do not need this.
 *
 * @throws UserError if not
 */
export function requireGradients({ choice: { device } }: OpenedRuntime): void {
  if (device === 'webgpu') throw new UserError('the device \'webgpu\' computes wrong gradients of some networks', 'use --device cpu or --device cuda');
}
