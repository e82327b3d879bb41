/** Words with more edits than this are different words. */
const MOST_EDITS = 3;

/** The share of a word's letters that must be unchanged. */
const LEAST_ALIKE = 0.4;

/** Longer texts are not misspelt names, but a path or a file's contents. */
const LONGEST = 100;

/**
 * The candidate that a misspelt word probably means: the first one with the fewest edits (a letter added, removed or changed,
 * or two neighbours swapped), if they are few for its length. Case is ignored.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > LONGEST) return undefined;
  let best: string | undefined;
  let fewest = MOST_EDITS + 1;
  for (const candidate of candidates) {
    const edits = editsBetween(word.toLowerCase(), candidate.toLowerCase());
    const length = Math.max(word.length, candidate.length);
    if (edits >= fewest || (length - edits) / length <= LEAST_ALIKE) continue;
    best = candidate;
    fewest = edits;
  }
  return best;
}

/** A hint for a word that is not a candidate: `did you mean best?`, or `give one of a, b` if no candidate is near. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  return near === undefined ? `give one of ${candidates.join(', ')}` : `did you mean ${near}?`;
}

/** The optimal string alignment distance (Damerau-Levenshtein without further edits of swapped letters). */
function editsBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MOST_EDITS) return Infinity;
  const rows = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (__, j) => (i === 0 ? j : i)));
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      rows[i][j] = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[a.length][b.length];
}
