import { basename } from 'node:path';
import { UserError } from '../../errors.js';
import { parseDecimal } from '../../text/decimal.js';
import { idOfPath, readLines } from '../text-lines.js';
import type { ListLine } from '../text-lines.js';
import type { Box, BoxTruth, BoxTruths, ClassBoxes } from './box-truth.js';

const LAYOUT = 'a line is image,width,height,class,"x1 y1 x2 y2;x1 y1 x2 y2": the size in pixels, and boxes separated by semicolons';

/**
 * Reads true boxes from a table: `image,width,height,class,boxes`, with boxes `x1 y1 x2 y2` in pixels from 0 and separated by `;`. An
 * image with several classes has several lines.
 *
 * @throws UserError that names the line
 */
export async function readCsvBoxes(path: string): Promise<BoxTruths> {
  const lines = await readLines(path);
  const images = new Map<string, BoxTruth>();
  for (const [i, line] of lines.entries()) {
    if (i === 0 && line.words[0].toLowerCase() === 'image') continue;
    const where = `${path}:${line.number}`;
    const { truth, boxes } = parseLine(line, where);
    const known = images.get(truth.id);
    if (known !== undefined && (known.fileName !== truth.fileName || known.width !== truth.width || known.height !== truth.height)) {
      throw new UserError(`${where}: another line has the image ${known.fileName} with ${known.width} x ${known.height} pixels`, 'results are named by the file name without its extension: each must be one image of one size');
    }
    if (known?.classes.some(({ name }) => name === boxes.name) === true) throw new UserError(`${where}: another line has the class ${boxes.name} of this image`, 'write all boxes of a class in one line, separated by semicolons');
    images.set(truth.id, { ...truth, classes: [...known?.classes ?? [], boxes] });
  }
  return { images: [...images.values()], bad: [] };
}

function parseLine({ words }: ListLine, where: string): { readonly truth: BoxTruth; readonly boxes: ClassBoxes } {
  if (words.length !== 5) throw new UserError(`${where} has ${words.length} columns instead of 5`, LAYOUT);
  const [image, widthText, heightText, name, text] = words;
  const [width, height] = [widthText, heightText].map((word) => {
    if (!/^[1-9]\d*$/.test(word)) throw new UserError(`${where}: '${word}' is not a number of pixels`, LAYOUT);
    return Number(word);
  });
  const boxes = text.split(';').map((part): Box => {
    const numbers = part.trim().split(/\s+/).map(parseDecimal);
    const [left, top, right, bottom] = numbers;
    if (numbers.length !== 4 || left === undefined || top === undefined || right === undefined || bottom === undefined) {
      throw new UserError(`${where}: '${part.trim()}' is not a box`, LAYOUT);
    }
    if (left > right || top > bottom || left < 0 || top < 0 || right > width || bottom > height) {
      throw new UserError(`${where}: the box ${part.trim()} is not inside the image of ${width} x ${height} pixels`, LAYOUT);
    }
    return [left, top, right, bottom];
  });
  return { truth: { id: idOfPath(image), fileName: basename(image), width, height, classes: [] }, boxes: { name, boxes } };
}
