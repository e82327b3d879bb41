import { basename } from 'node:path';
import { UserError } from '../../errors.js';
import { requireClass } from '../classes.js';
import { idOfPath, readLines } from '../text-lines.js';
import type { ListLine } from '../text-lines.js';
import { ascending } from './source.js';
import type { LabelSource } from './source.js';

/**
 * Labels from a text file with lines `path class class ...`: the path or id of an image, then its classes as names or
 * indices. A line without classes is an image that has none of them.
 *
 * @param file path of the list
 * @throws {UserError} when the file cannot be read or breaks the format
 */
export async function listLabels(file: string): Promise<LabelSource> {
  const classes = labelsOfLines(await readLines(file), file);
  return {
    name: `list ${basename(file)}`,
    async labels({ id }) {
      const found = classes.get(id);
      if (found === undefined) throw new UserError(`no labels for ${id} from list: ${file} does not name it`);
      return [...found.labels];
    },
  };
}

interface ListedLabels {
  readonly labels: readonly number[];
  readonly line: number;
}

/**
 * @throws {UserError} with file and line for an unknown class and for an image listed twice with different classes;
 *   also for a list in which no image has a class, since that is a list of ids
 */
function labelsOfLines(lines: readonly ListLine[], file: string): Map<string, ListedLabels> {
  const byId = new Map<string, ListedLabels>();
  for (const { words: [path, ...names], number } of lines) {
    const id = idOfPath(path);
    const labels = ascending(names.map((name) => requireClass(name, `${file}:${number}`)));
    const known = byId.get(id);
    if (known !== undefined && known.labels.join() !== labels.join()) {
      throw new UserError(`${file}:${number}: ${id} has other classes here than in line ${known.line}`);
    }
    byId.set(id, { labels, line: number });
  }
  if (![...byId.values()].some(({ labels }) => labels.length > 0)) {
    throw new UserError(`the label file ${file} holds no classes`, 'A line is an image and its classes: 2007_000032 aeroplane person');
  }
  return byId;
}
