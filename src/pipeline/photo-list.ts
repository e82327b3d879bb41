import { basename, dirname, resolve } from 'node:path';
import { logitOf } from '../classifier/class-names.js';
import type { LoadedClassifier } from '../classifier/load.js';
import { uniqueIds } from '../datasets/ids.js';
import type { DataItem } from '../datasets/splits.js';
import { readLines } from '../datasets/text-lines.js';
import type { ListLine } from '../datasets/text-lines.js';
import { messageOf, UserError } from '../errors.js';
import { hashFile } from '../jobs/files/hash.js';
import type { ClassSource } from './image-classes.js';

export interface PhotoListOptions {
  /** The folder that paths start from. Default: that of the list. */
  readonly folder?: string;
  /** Is added to classes that are numbers. Default: 0. */
  readonly logitOffset?: number;
}

/** Photographs with one class each. */
export interface PhotoList {
  readonly items: readonly DataItem[];
  readonly classes: ClassSource;
  /** Whether all classes are numbers. */
  readonly numbered: boolean;
}

/**
 * Reads a list of photographs, each with one of the classifier's classes: the index of its logit or its name.
 *
 *     images/001.jpg 65                       a photograph and its class
 *     images/002.jpg "tabby, tabby cat"       a name with spaces or commas
 *
 *     image,width,height,class                CSV, whose first line names the columns
 *     001.jpg,500,375,65
 *
 * A photograph whose class the classifier does not have fails when its classes are asked for.
 *
 * @throws UserError if the list cannot be read, names a photograph twice with different classes, or has no class of the classifier
 */
export async function readPhotoList(
  file: string, { path: model, spec }: LoadedClassifier, { folder = dirname(file), logitOffset = 0 }: PhotoListOptions = {},
): Promise<PhotoList> {
  const rows = new Map<string, { readonly name: string; readonly class: string; readonly line: number }>();
  for (const row of rowsOf(await readLines(file), file)) {
    const path = resolve(folder, row.name);
    const known = rows.get(path);
    if (known !== undefined && known.class !== row.class) {
      throw new UserError(`${file}:${row.line}: ${row.name} has another class here than in line ${known.line}`, 'give each photograph one class');
    }
    if (known === undefined) rows.set(path, row);
  }
  const ids = uniqueIds([...rows.values()].map(({ name }) => name.replaceAll('\\', '/')));
  const logits = new Map<string, number | string>();
  const items = [...rows].map(([imagePath, row], i): DataItem => {
    logits.set(ids[i], findLogit(row.class, `${basename(file)}:${row.line}`));
    return { id: ids[i], imagePath };
  });
  const reasons = [...logits.values()].filter((value) => typeof value === 'string');
  if (reasons.length === logits.size) throw new UserError(`no photograph in ${file} has a class of ${model}: ${reasons[0]}`, 'a line is a path and the index or the name of a class');
  return {
    items, numbered: [...rows.values()].every((row) => isNumber(row.class)),
    classes: {
      settings: { list: await hashFile(file), logitOffset },
      classesOf: ({ id }) => {
        const found = logits.get(id)!;
        return Promise.resolve(typeof found === 'string' ? { reason: found } : { labels: [], logits: [found] });
      },
    },
  };

  /** The logit of a class, or why there is none. */
  function findLogit(name: string, where: string): number | string {
    try {
      if (logitOffset === 0 || !isNumber(name)) return logitOf(spec.classes, name, model);
      const logit = Number(name) + logitOffset;
      return logit >= 0 && logit < spec.classes.length ? logit : `${where}: class ${name} is logit ${logit}, but ${model} has ${spec.classes.length}`;
    } catch (error) {
      return `${where}: ${messageOf(error)}`;
    }
  }
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

/** @throws UserError if a line has no class */
function rowsOf(lines: readonly ListLine[], file: string): { name: string; class: string; line: number }[] {
  const [image, column] = columnsIn(lines[0].words);
  return (column === undefined ? lines : lines.slice(1)).map(({ words, number }) => {
    const [name, own] = column === undefined ? [words[0], words.slice(1).join(' ')] : [words[image], words[column]];
    if (name === undefined || own === undefined || own === '') {
      throw new UserError(`${file}:${number}: there is no class in this line`, 'a line is a path and a class: images/001.jpg 65');
    }
    return { name, class: own, line: number };
  });
}

/** The columns of the image and the class, if the words are the header of a table. */
function columnsIn(words: readonly string[]): [image: number, column: number | undefined] {
  const image = words.findIndex((word) => /^(?:image|photo|file|filename|path)$/i.test(word));
  const column = words.findIndex((word) => /^(?:class|label)(?:[ _-]?(?:id|index|name))?$/i.test(word));
  return image < 0 || column < 0 ? [0, undefined] : [image, column];
}
