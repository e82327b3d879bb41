import { createHash } from 'node:crypto';

/** No longer than this, so that an ending fits on every file system. */
const LONGEST = 120;

/**
 * A file name for each id, without ending: the id itself where that is safe on every system and in every address, else its
 * safe characters and a hash. Different ids get different names, also where the file system takes `A` for `a`.
 */
export function fileNames(ids: readonly string[]): Map<string, string> {
  const taken = new Set<string>();
  const names = new Map<string, string>();
  for (const id of new Set(ids)) {
    const safe = /^\w[\w.-]*$/.test(id) && id.length <= LONGEST && !id.endsWith('.') ? id : hashed(id);
    const name = taken.has(safe.toLowerCase()) ? hashed(id) : safe;
    taken.add(name.toLowerCase());
    names.set(id, name);
  }
  return names;
}

function hashed(id: string): string {
  return `${id.replace(/[^\w-]+/g, '_').slice(0, LONGEST - 20)}-${createHash('sha256').update(id).digest('hex').slice(0, 12)}`;
}
