import { z } from 'zod';

/** The names of `--runtime`; what they mean is said at `openRuntime`. */
export const RUNTIME_NAMES = ['auto', 'ort', 'tfjs'] as const;
export type RuntimeName = typeof RUNTIME_NAMES[number];

/** Settings that say what runs the graphs. */
export const runtimeSettings = {
  runtime: z.enum(RUNTIME_NAMES).default('auto'),
  device: z.string().optional(),
};

/** The most workers or threads: more than any machine has processors. */
export const MAX_LANES = 1024;

/** How the work is spread over the machine. */
export const laneSettings = {
  workers: z.number().int().min(1).max(MAX_LANES).optional(),
  threads: z.number().int().min(1).max(MAX_LANES).optional(),
};
