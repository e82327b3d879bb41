import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

interface Listing {
  readonly names: ReadonlySet<string>;
  /** The names by their stems (in NFC), built on first use. */
  stems?: ReadonlyMap<string, readonly string[]>;
}

/**
 * Looks up files in one cached listing per folder, so that checking every image of a long list is fast, even on a network
 * drive. Files that appear later are not seen.
 *
 * An accented letter is one character or two (Unicode's NFC and NFD). Names that differ only in this are treated as equal,
 * since macOS may write NFD where a list has NFC.
 */
export class FolderIndex {
  private readonly listings = new Map<string, Promise<Listing>>();

  /** Whether a file or folder with this path exists. */
  async has(path: string): Promise<boolean> {
    return await this.find(path) !== undefined;
  }

  /** The path of a file or folder as it is on disk, or `undefined` if there is none. */
  async find(path: string): Promise<string | undefined> {
    const [folder, name] = [dirname(path), basename(path)];
    if ((await this.namesIn(folder)).has(name)) return path;
    const composed = name.normalize('NFC');
    const found = (await this.namesOf(folder, stemOf(name))).find((other) => other.normalize('NFC') === composed);
    return found === undefined ? undefined : join(folder, found);
  }

  /** The names in a folder; none if it does not exist. */
  async namesIn(folder: string): Promise<ReadonlySet<string>> {
    return (await this.listing(folder)).names;
  }

  /** The names in a folder with this stem and any extension, such as `cat.jpg` and `cat.PNG` for `cat`. */
  async namesOf(folder: string, stem: string): Promise<readonly string[]> {
    const listing = await this.listing(folder);
    listing.stems ??= byStem(listing.names);
    return listing.stems.get(stem.normalize('NFC')) ?? [];
  }

  private listing(folder: string): Promise<Listing> {
    let listing = this.listings.get(folder);
    if (listing === undefined) {
      listing = readdir(folder).then((list) => ({ names: new Set(list) }), () => ({ names: new Set<string>() }));
      this.listings.set(folder, listing);
    }
    return listing;
  }
}

/** A name without its extension. */
function stemOf(name: string): string {
  return name.replace(/(?<=.)\.[^.]*$/, '');
}

function byStem(names: ReadonlySet<string>): Map<string, string[]> {
  const stems = new Map<string, string[]>();
  for (const name of names) {
    const stem = stemOf(name).normalize('NFC');
    const known = stems.get(stem);
    if (known === undefined) stems.set(stem, [name]);
    else known.push(name);
  }
  return stems;
}
