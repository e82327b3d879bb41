import type { FusionOptions } from '../../src/maps/fusion.js';
import type { MultiScaleOptions } from '../../src/maps/multi-scale.js';

/** IRN's and PSA's choice of views, but with every view at an equal weight. */
export const DEFAULT_MULTI_SCALE: Omit<MultiScaleOptions, keyof FusionOptions> = { scaleNorm: 'max', scaleFuse: 'mean', fuseFirst: 'layers' };
