import { z } from 'zod';

/** The most dilations at once: up to twenty, sums of squared colours are exact in float32. */
const MAX_DILATIONS = 20;
/** The farthest neighbour: borders are as wide as that. */
const MAX_DILATION = 256;

/** How often maps are spread. */
export const iterationsSetting = z.number().int().min(1).max(1000);

/** Distances of the neighbours in pixels, at least one. */
export const dilationsSetting = z.array(z.number().int().min(1).max(MAX_DILATION)).min(1).max(MAX_DILATIONS);

/** The ridge of a guided filter, in units of squared colours 0..1. Far smaller ones drown in float32. */
export const ridgeSetting = z.number().min(1e-6).max(1);
