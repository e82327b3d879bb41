import { readFileSync } from 'node:fs';

/** The version of this package, from the package.json nearest above this module. */
export function packageVersion(): string {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as { name?: string; version: string };
      if (name === 'voc-seeds') return version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    if (folder.pathname === '/') throw new Error('the package.json of voc-seeds is missing');
  }
}
