import { join } from 'node:path';
import { messageOf, UserError } from '../../errors.js';
import { isFolder } from '../../jobs/files/is-folder.js';
import { readRegularFile } from '../../jobs/files/read-file.js';
import { requireWithin } from '../../limits.js';
import { printable } from '../../text/printable.js';
import type { ClassSet } from '../classes/class-set.js';
import { VOC } from '../classes/voc.js';
import type { Devkit } from '../devkit.js';
import { FolderIndex } from '../folder-index.js';
import { ascending } from './source.js';
import type { LabelSource } from './source.js';
import { decodeEntities, parseXml } from './xml-elements.js';
import type { XmlElement } from './xml-elements.js';

/**
 * The classes of the objects in a VOC annotation. The parts of a person (head, hand, foot) are inside the object's element
 * and are ignored. Element names may be in upper case, and objects may be wrapped (`<objects>`).
 *
 * @param where the annotation's name for error messages
 * @param options.difficult whether objects marked `difficult` count
 * @param options.classes default: VOC
 * @throws {UserError} for a text that is not a VOC annotation, for an object with an unknown class or no name, and for an
 *   annotation that describes objects in another way
 */
export function parseAnnotation(
  xml: string | Uint8Array, where: string, { difficult, classes = VOC }: { difficult: boolean; classes?: ClassSet },
): number[] {
  const root = parseXml(typeof xml === 'string' ? Buffer.from(xml) : xml, where);
  if (root.name !== 'annotation') throw new UserError(`${where} is not a VOC annotation: its root element is <${printable(root.name, 40)}>, not <annotation>`);
  const objects = objectsIn(root.children);
  if (objects.length === 0) requireNothingElse(root, where);
  return ascending(objects.flatMap((object) => {
    if (!difficult && isDifficult(object, where)) return [];
    const name = textOf(object, 'name', where);
    if (name === undefined) throw new UserError(`${where}: an <object> has no <name>`, OBJECT);
    return classes.require(decodeEntities(name, where), where);
  }));
}

const OBJECT = 'write an object as <object><name>dog</name> ... </object>';

/** The objects of an annotation at any depth, but not objects inside objects. */
export function objectsIn(elements: readonly XmlElement[]): XmlElement[] {
  return elements.flatMap((element) => (element.name === 'object' ? [element] : objectsIn(element.children)));
}

/** Other programs use other names for objects. An image counts as unlabelled only if it has none of them. */
function requireNothingElse(root: XmlElement, where: string): void {
  const unread = root.children.flatMap((child) => (meta.has(child.name) ? [] : find(child)))[0];
  if (unread !== undefined) throw new UserError(`${where} has a <${unread}> but no <object>`, OBJECT);
  if (root.text.trim() !== '') throw new UserError(`${where} has text but no <object>: '${printable(root.text.trim(), 40)}'`, OBJECT);
}

/** Elements of an annotation that are about the photograph. */
const meta = new Set(['folder', 'filename', 'path', 'database', 'source', 'owner', 'size', 'segmented', 'imagesize', 'scenedescription']);

/** Elements that describe an object. */
const telling = new Set(['name', 'bndbox', 'polygon', 'difficult', 'pose', 'truncated', 'occluded', 'class', 'label', 'category']);

function find({ name, children }: XmlElement): string[] {
  return telling.has(name) ? [name] : children.flatMap(find);
}

/**
 * The text of the child with a name, or `undefined` if there is none.
 *
 * @throws {UserError} if there are several, or if it contains more than text
 */
export function textOf({ children }: XmlElement, name: string, where: string): string | undefined {
  const found = children.filter((child) => child.name === name);
  if (found.length > 1) throw new UserError(`${where}: an <object> has ${found.length} <${name}>`);
  if (found.length === 0) return undefined;
  if (found[0].children.length > 0) throw new UserError(`${where}: the <${name}> of an <object> contains other elements instead of text`);
  return found[0].text.trim();
}

function isDifficult(object: XmlElement, where: string): boolean {
  const text = textOf(object, 'difficult', where)?.toLowerCase() ?? '';
  if (/^(?:1(?:\.0*)?|true|yes|t|y)$/.test(text)) return true;
  if (/^(?:|0(?:\.0*)?|false|no|f|n|none|unspecified)$/.test(text)) return false;
  throw new UserError(`${where}: an <object> has <difficult>${printable(text, 40)}</difficult>, but must be 1 or 0`);
}

/**
 * Labels from the devkit's XML annotations.
 *
 * @throws {UserError} if the devkit has no annotations
 */
export async function xmlLabels(
  { devkit, difficult = true, classes }: { devkit: Devkit; difficult?: boolean; classes?: ClassSet },
): Promise<LabelSource> {
  const { annotationDir } = devkit;
  if (!await isFolder(annotationDir)) {
    throw new UserError(`the devkit ${devkit.root} has no Annotations folder`, 'Use --labels npy or list with a label file, or --labels masks.');
  }
  const index = new FolderIndex();
  return {
    name: 'xml',
    async labels({ id }) {
      // Also finds an extension in upper case, and accented letters as macOS writes them.
      const name = (await index.namesOf(annotationDir, id)).find((other) => /\.xml$/i.test(other)) ?? `${id}.xml`;
      const path = join(annotationDir, name);
      let xml: Uint8Array;
      try {
        xml = await readRegularFile(path, (size) => { requireWithin('xmlBytes', size, `${path} has ${size} bytes`); });
      } catch (cause) {
        if (cause instanceof UserError) throw cause;
        const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? `${path} does not exist` : messageOf(cause);
        throw new UserError(`no labels for ${id} from xml: ${reason}`, undefined, { cause });
      }
      return parseAnnotation(xml, path, { difficult, classes });
    },
  };
}
