import { basename, join } from 'node:path';
import { UserError } from '../../errors.js';
import type { ClassSet } from '../classes/class-set.js';
import { VOC } from '../classes/voc.js';
import type { Devkit } from '../devkit.js';
import { FolderIndex } from '../folder-index.js';
import { idOfPath, readLines } from '../text-lines.js';
import type { LabelSource } from './source.js';

/**
 * Labels from the lists `<class>_<split>.txt` in ImageSets/Main, one per class. A line is an image and 1 if it contains the class, 0 if it
 * contains only difficult objects of the class, and -1 if none. If there are no lists of the split, those of `trainval` are read.
 *
 * @param options.split the name of the split
 * @param options.difficult whether an image marked 0 has the class. Default: true, as for the source `xml`
 * @param options.classes default: VOC
 * @throws {UserError} if there is no list for a class, or a line is not valid
 */
export async function mainLabels(
  { devkit, split, difficult = true, classes = VOC }: { devkit: Devkit; split: string; difficult?: boolean; classes?: ClassSet },
): Promise<LabelSource> {
  const folder = join(devkit.root, 'ImageSets', 'Main');
  const paths = await listsOf(folder, split, classes);
  // The classes of an image, and in how many lists it is.
  const known = new Map<string, { readonly labels: number[]; lists: number }>();
  for (const [i, path] of paths.entries()) {
    const seen = new Set<string>();
    for (const { words, number } of await readLines(path)) {
      const id = idOfPath(words[0]);
      const mark = words.length === 2 ? /^(?:-1|0|\+?1)$/.exec(words[1])?.[0] : undefined;
      if (mark === undefined) throw new UserError(`${path}:${number}: "${words.join(' ')}" is not an image and 1, 0 or -1`, 'The lists in ImageSets/Main have lines such as "2007_000032 -1".');
      if (seen.has(id)) throw new UserError(`${path}:${number}: ${id} is listed twice`);
      seen.add(id);
      const entry = known.get(id) ?? { labels: [], lists: 0 };
      entry.lists++;
      if (mark.endsWith('1') ? mark !== '-1' : difficult) entry.labels.push(i + 1);
      known.set(id, entry);
    }
  }
  const name = basename(paths[0]).slice(classes.classes[0].length + 1);
  return {
    name: `main ${name}`,
    labels({ id }) {
      const entry = known.get(id);
      if (entry?.lists === paths.length) return Promise.resolve([...entry.labels]);
      return Promise.reject(new UserError(`no labels for ${id} from main: it is in ${entry?.lists ?? 0} of the ${paths.length} lists ${join(folder, `*_${name}`)}`));
    },
  };
}

async function listsOf(folder: string, split: string, { classes }: ClassSet): Promise<string[]> {
  const index = new FolderIndex();
  const listsNamed = async (name: string): Promise<(string | undefined)[]> => Promise.all(classes.map((own) => index.find(join(folder, `${own}_${name}.txt`))));
  let lists = await listsNamed(split);
  if (lists.every((path) => path === undefined)) lists = await listsNamed('trainval');
  const missing = lists.indexOf(undefined);
  if (missing < 0) return lists.filter((path) => path !== undefined);
  throw new UserError(
    `--labels main: there is no list ${join(folder, `${classes[missing]}_${split}.txt`)}`,
    'It needs a list <class>_<split>.txt, or <class>_trainval.txt, for every class.');
}
