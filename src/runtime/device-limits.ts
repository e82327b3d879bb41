import { UserError } from '../errors.js';
import type { OpenedRuntime } from './open.js';

/**
 * Checks that gradients of a device can be trusted without a comparison. CAM programs are compared with the processor when they are
 * loaded, and do not need this.
 *
 * @throws UserError if not
 */
export function requireGradients({ choice: { device } }: OpenedRuntime): void {
  if (device === 'webgpu') throw new UserError('the device \'webgpu\' computes wrong gradients of some networks', 'use --device cpu or --device cuda');
}
