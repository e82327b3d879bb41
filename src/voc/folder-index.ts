import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/**
 * Answers which files exist from one listing per folder, kept: asking for every image of a long list stays quick,
 * also on a network drive. Files that appear later are not seen.
 */
export class FolderIndex {
  private readonly listings = new Map<string, Promise<ReadonlySet<string>>>();

  /** Whether a file or folder of this path exists. */
  async has(path: string): Promise<boolean> {
    return (await this.namesIn(dirname(path))).has(basename(path));
  }

  /** The names in a folder; none if it does not exist. */
  namesIn(folder: string): Promise<ReadonlySet<string>> {
    let names = this.listings.get(folder);
    if (names === undefined) {
      names = readdir(folder).then((list) => new Set(list), () => new Set<string>());
      this.listings.set(folder, names);
    }
    return names;
  }
}
