import { camMethods } from './methods/index.js';
import type { CamMethodName } from './methods/index.js';
import { camTargets } from './target.js';
import type { CamTargetName } from './target.js';

export type { CamMethodName, CamTargetName };

/** Channels that Score-CAM and Ablation-CAM send through the network at once, unless told otherwise. */
export const DEFAULT_CHANNEL_BATCH = 16;

/** The CAM methods, by the names that users type. */
export const CAM_METHODS = Object.keys(camMethods) as readonly CamMethodName[];

/** What of a class is explained, by the names that users type. */
export const CAM_TARGETS = Object.keys(camTargets) as readonly CamTargetName[];

/** The layers unless told otherwise; those that a network has not are left out. */
export const DEFAULT_LAYERS: readonly string[] = ['/8', '/16', '/32'];
