import { basename } from 'node:path';

/** A photograph that was left out. */
export interface PhotoFailure {
  readonly path: string;
  readonly reason: string;
}

/** The number of reasons in a message, and of photographs for each reason. */
const MOST_REASONS = 20;
const MOST_NAMES = 3;

/**
 * Lists why photographs failed: a line for each reason with the first few photographs, the most frequent reason first. Reasons
 * that differ only in the photograph's name count as one.
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

/** A reason without the name of the photograph: without its path, and without its id as a whole word. */
function withoutName({ path, reason }: PhotoFailure): string {
  const id = stem(path).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return reason.replaceAll(path, '').replace(new RegExp(`(?<!\\w)${id}(?!\\w)`, 'g'), '');
}

function stem(path: string): string {
  return basename(path).replace(/\.[^.]+$/, '');
}
