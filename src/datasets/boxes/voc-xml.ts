import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../../errors.js';
import { readRegularFile } from '../../jobs/files/read-file.js';
import { requireWithin } from '../../limits.js';
import { parseDecimal } from '../../text/decimal.js';
import { objectsIn, textOf } from '../labels/xml.js';
import { decodeEntities, parseXml } from '../labels/xml-elements.js';
import type { XmlElement } from '../labels/xml-elements.js';
import { byClass } from './box-truth.js';
import type { BadTruth, Box, BoxTruth, BoxTruths } from './box-truth.js';

/**
 * Reads true boxes from a folder of VOC annotations, `<id>.xml`; ImageNet's have the same layout. Pixels in them count from 1.
 *
 * @throws UserError if the folder has no annotations; a file that cannot be used is one of `bad`
 */
export async function readXmlBoxes(folder: string): Promise<BoxTruths> {
  const names = (await readdir(folder)).filter((name) => /\.xml$/i.test(name)).sort();
  if (names.length === 0) throw new UserError(`the folder ${folder} has no .xml files`, 'name a folder of VOC annotations, a CSV table or a COCO file');
  const images: BoxTruth[] = [];
  const bad: BadTruth[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const id = name.slice(0, -'.xml'.length).normalize('NFC');
    try {
      const bytes = await readRegularFile(path, (size) => { requireWithin('xmlBytes', size, `${path} has ${size} bytes`); });
      images.push(boxesOfAnnotation(bytes, path, id));
    } catch (error) {
      bad.push({ id, reason: messageOf(error) });
    }
  }
  return { images, bad };
}

/**
 * The boxes in a VOC annotation.
 *
 * @throws UserError that names the annotation
 */
export function boxesOfAnnotation(xml: Uint8Array, where: string, id: string): BoxTruth {
  const root = parseXml(xml, where);
  if (root.name !== 'annotation') throw new UserError(`${where} is not a VOC annotation: its root element is <${root.name}>, not <annotation>`);
  const objects = objectsIn(root.children).map((object) => {
    const name = textOf(object, 'name', where);
    if (name === undefined) throw new UserError(`${where}: an <object> has no <name>`);
    return { name: decodeEntities(name, where), box: boxOf(object, where) };
  });
  const size = root.children.find(({ name }) => name === 'size');
  return { id, fileName: id, width: pixelsIn(size, 'width'), height: pixelsIn(size, 'height'), classes: byClass(objects) };
}

/** A size of 0, which some programs write, is unknown. */
function pixelsIn(size: XmlElement | undefined, name: string): number | undefined {
  const pixels = parseDecimal(size?.children.find((child) => child.name === name)?.text ?? '');
  return pixels !== undefined && pixels > 0 ? pixels : undefined;
}

function boxOf(object: XmlElement, where: string): Box {
  const found = object.children.filter(({ name }) => name === 'bndbox');
  if (found.length !== 1) throw new UserError(`${where}: an <object> has ${found.length} <bndbox> instead of one`);
  const [left, top, right, bottom] = ['xmin', 'ymin', 'xmax', 'ymax'].map((name) => {
    const text = found[0].children.find((child) => child.name === name)?.text ?? '';
    const value = parseDecimal(text);
    if (value === undefined) throw new UserError(`${where}: the <${name}> of a <bndbox> is '${text.trim()}', which is not a number`);
    return value - 1;
  });
  if (left > right || top > bottom) throw new UserError(`${where}: a <bndbox> ends before it starts`);
  return [left, top, right, bottom];
}
