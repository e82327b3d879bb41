import type * as CliProgress from 'cli-progress';
import { onDemand } from '../on-demand.js';

/** The library of progress bars, which only a terminal needs. */
export const loadCliProgress = onDemand<typeof CliProgress>('cli-progress');
