import { basename } from 'node:path';

/** A photograph that was left out. */
export interface PhotoFailure {
  readonly path: string;
  readonly reason: string;
}

/** As many reasons as a message lists, and as many photographs for each. */
const MOST_REASONS = 20;
const MOST_NAMES = 3;

/**
 * Why photographs failed, for a message: a line for each reason with the first few photographs it concerns, the most frequent first. Reasons
 * that differ in nothing but the photograph's name are one.
 */
export function reasonLines(failures: readonly PhotoFailure[]): string[] {
  const groups = new Map<string, PhotoFailure[]>();
  for (const failure of [...failures].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const key = withoutName(failure);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [failure]);
    else group.push(failure);
  }
  const sorted = [...groups.values()].sort((a, b) => b.length - a.length);
  const lines = sorted.slice(0, MOST_REASONS).map((group) => {
    const more = group.length - MOST_NAMES;
    const names = group.slice(0, MOST_NAMES).map(({ path }) => stem(path)).join(', ');
    return `  ${names}${more > 0 ? ` and ${more} more` : ''}: ${group[0].reason}`;
  });
  return sorted.length > MOST_REASONS ? [...lines, `  and ${sorted.length - MOST_REASONS} other reasons`] : lines;
}

/** A reason without the name of the photograph: the path, or the id as a word of its own. */
function withoutName({ path, reason }: PhotoFailure): string {
  const id = stem(path).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return reason.replaceAll(path, '').replace(new RegExp(`(?<!\\w)${id}(?!\\w)`, 'g'), '');
}

function stem(path: string): string {
  return basename(path).replace(/\.[^.]+$/, '');
}
