import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { messageOf, UserError } from '../../errors.js';
import { requireClass } from '../classes.js';
import type { Devkit } from '../devkit.js';
import { ascending } from './source.js';
import type { LabelSource } from './source.js';

interface Annotation {
  annotation?: '' | { object?: readonly ('' | { name?: string; difficult?: string })[] };
}

const parser = new XMLParser({
  ignoreAttributes: true, parseTagValue: false, processEntities: false,
  isArray: (_name, path) => path === 'annotation.object',
});

/**
 * The classes of the objects in a VOC annotation. The parts of a person (head, hand, foot) stand inside the object's
 * own element and are not looked at.
 *
 * @param where the annotation's name for error messages
 * @param options.difficult whether objects marked `difficult` count
 * @throws {UserError} for text that is not a VOC annotation, and for an object of an unknown class
 */
export function parseAnnotation(xml: string, where: string, { difficult }: { difficult: boolean }): number[] {
  const valid = XMLValidator.validate(xml);
  if (valid !== true) throw new UserError(`${where}:${valid.err.line}: not well-formed XML: ${valid.err.msg}`, 'Download or write the file again.');
  const { annotation } = parser.parse(xml) as Annotation;
  if (annotation === undefined) throw new UserError(`${where} is not a VOC annotation: it has no <annotation> element`);
  const objects = annotation === '' ? [] : annotation.object ?? [];
  return ascending(objects.flatMap((object) => {
    if (object !== '' && object.difficult?.trim() === '1' && !difficult) return [];
    return requireClass(object === '' ? '' : object.name ?? '', where);
  }));
}

/**
 * Labels from the devkit's XML annotations.
 *
 * @throws {UserError} when the devkit has no annotations
 */
export async function xmlLabels({ devkit, difficult = true }: { devkit: Devkit; difficult?: boolean }): Promise<LabelSource> {
  const { annotationDir } = devkit;
  if (!await stat(annotationDir).then((entry) => entry.isDirectory(), () => false)) {
    throw new UserError(`the devkit ${devkit.root} has no Annotations folder`, 'Use other labels: npy or list with a label file, or masks.');
  }
  return {
    name: 'xml',
    async labels({ id }) {
      const path = join(annotationDir, `${id}.xml`);
      let xml: string;
      try {
        xml = await readFile(path, 'utf8');
      } catch (cause) {
        const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? `${path} does not exist` : messageOf(cause);
        throw new UserError(`no labels for ${id} from xml: ${reason}`, undefined, { cause });
      }
      return parseAnnotation(xml, path, { difficult });
    },
  };
}
