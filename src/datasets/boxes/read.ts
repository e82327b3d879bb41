import { extname } from 'node:path';
import { UserError } from '../../errors.js';
import { isFolder } from '../../jobs/files/is-folder.js';
import type { BoxTruths } from './box-truth.js';
import { readCocoBoxes } from './coco.js';
import { readCsvBoxes } from './csv.js';
import { readXmlBoxes } from './voc-xml.js';

/** A layout of true boxes. */
interface BoxFormat {
  /** What it looks like, for help and messages. */
  readonly help: string;
  readonly matches: (path: string, folder: boolean) => boolean;
  readonly read: (path: string) => Promise<BoxTruths>;
}

const FORMATS: readonly BoxFormat[] = [
  { help: 'a folder of VOC annotations (.xml)', matches: (_, folder) => folder, read: readXmlBoxes },
  { help: 'a COCO file (.json)', matches: (path) => extname(path).toLowerCase() === '.json', read: readCocoBoxes },
  { help: 'a table (.csv or .txt: image,width,height,class,boxes)', matches: (path) => ['.csv', '.txt'].includes(extname(path).toLowerCase()), read: readCsvBoxes },
];

/** The layouts, for help. */
export const BOX_FORMATS: readonly string[] = FORMATS.map(({ help }) => help);

/**
 * Reads the true boxes of images.
 *
 * @param path a file or folder in one of the layouts {@link BOX_FORMATS}
 * @throws UserError if it cannot be read, has no image, or two images have the same id
 */
export async function readBoxes(path: string): Promise<BoxTruths> {
  const folder = await isFolder(path);
  const format = FORMATS.find(({ matches }) => matches(path, folder));
  if (format === undefined) throw new UserError(`the boxes ${path} have an unknown layout`, `supported are ${BOX_FORMATS.join('; ')}`);
  const truths = await format.read(path);
  if (truths.images.length + truths.bad.length === 0) throw new UserError(`${path} has no image with a box`);
  const seen = new Set<string>();
  for (const { id } of [...truths.images, ...truths.bad]) {
    if (seen.has(id)) throw new UserError(`${path} has two images called ${id}`, 'results are named by the file name without its extension: rename one of them');
    seen.add(id);
  }
  return truths;
}
