import { camMethods } from './methods/index.js';
import type { CamMethodName } from './methods/index.js';
import { camTargets } from './target.js';
import type { CamTargetName } from './target.js';

export type { CamMethodName, CamTargetName };

/** How many channels Score-CAM and Ablation-CAM run at once by default. */
export const DEFAULT_CHANNEL_BATCH = 16;

/** The CAM methods, by the names that users type. */
export const CAM_METHODS = Object.keys(camMethods) as readonly CamMethodName[];

/** The targets, by the names that users type. */
export const CAM_TARGETS = Object.keys(camTargets) as readonly CamTargetName[];

/** The default layers; those that a network does not have are left out. */
export const DEFAULT_LAYERS: readonly string[] = ['/8', '/16', '/32'];
