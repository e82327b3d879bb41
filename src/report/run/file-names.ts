import { createHash } from 'node:crypto';

/** The longest name. It leaves room for an ending on every file system. */
const LONGEST = 120;

/**
 * A file name without ending for each id: the id itself if it is safe on every system and in every URL, else its safe
 * characters and a hash. Different ids get different names, even if the file system ignores case.
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
