import { RUNTIME_NAMES } from '../runtime/names.js';
import { z } from 'zod';

/** Settings that say what runs the graphs. */
export const runtimeSettings = {
  runtime: z.enum(RUNTIME_NAMES).default('auto'),
  device: z.string().optional(),
};

/** The most workers or threads: more than any machine has processors. */
export const MAX_WORKERS = 1024;

/** How the work is spread over the machine. */
export const workerSettings = {
  workers: z.number().int().min(1).max(MAX_WORKERS).optional(),
  threads: z.number().int().min(1).max(MAX_WORKERS).optional(),
};
