/** The number of names that messages list. */
const SHOWN = 4;

/** The first few names, and how many more there are. */
export function list(names: readonly string[], separator = ', '): string {
  const more = names.length - SHOWN;
  return names.slice(0, SHOWN).join(separator) + (more > 0 ? ` and ${more} more` : '');
}
