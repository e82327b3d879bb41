import type { ClassSet } from './class-set.js';
import { knownClassSet } from './known.js';

/**
 * Loads a class set: `voc`, `coco`, or a file. A YAML or JSON file has a list of classes; a class is a name, or has a name, aliases, a
 * colour and the id that annotations use. A text file (.txt, .names) has one name per line. A first class called background is left
 * out, since the background is always label 0.
 *
 * ```yaml
 * classes:
 *   - scratch
 *   - { name: dent, aliases: [bump], colour: "#c04020" }
 * ```
 *
 * @throws UserError if there is no such set or file, or it is not a class set
 */
export async function loadClassSet(nameOrFile: string): Promise<ClassSet> {
  // Most runs need no reader of YAML.
  return knownClassSet(nameOrFile) ?? (await import('./file.js')).readClassSet(nameOrFile);
}
