import { z } from 'zod';

/** The most dilations: with up to twenty, sums of squared colours are exact in float32. */
const MAX_DILATIONS = 20;
/** The farthest neighbour in pixels; borders are that wide. */
const MAX_DILATION = 256;

/** How often maps are spread. */
export const iterationsSetting = z.number().int().min(1).max(1000);

/** Distances of the neighbours in pixels. */
export const dilationsSetting = z.array(z.number().int().min(1).max(MAX_DILATION)).min(1).max(MAX_DILATIONS);

/** The ridge of a guided filter, in units of squared colours 0..1. Much smaller ones are lost in float32. */
export const ridgeSetting = z.number().min(1e-6).max(1);
