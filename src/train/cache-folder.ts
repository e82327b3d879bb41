import { homedir } from 'node:os';
import { join } from 'node:path';

/** The folder for cached features if the settings name none. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'voc-seeds');
}
