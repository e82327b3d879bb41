import { Document, isMap, isSeq } from 'yaml';
import { UserError } from '../errors.js';
import { readSettingsFile } from '../formats/yaml/settings-file.js';
import { printable } from '../text/printable.js';
import type { GenerateConfig } from './generate.js';
import { generateSchema } from './generate.js';
import { idleSettings } from './idle.js';

/** Of a line of the comment. */
const LONGEST = 1000;

/**
 * The text of a settings file for `generate`, in the order in which settings are declared. Settings that have no effect are left
 * out.
 *
 * @param settings the others have their defaults
 * @param layerCount the number of fused layers
 * @param comment lines for the top of the file
 * @throws ZodError if a setting is wrong
 */
export function generateFile(settings: Partial<GenerateConfig>, layerCount: number, comment: readonly string[]): string {
  const all = generateSchema.parse(settings);
  const idle = idleSettings(all, layerCount);
  // Of the settings that `generate` has beyond those of seeds, only the given ones are written.
  const entries = Object.entries(all).filter(([name, value]) => value !== undefined && Object.hasOwn(settings, name) && !idle.has(name));
  const document = new Document(Object.fromEntries(entries));
  // Lists are short: one line each.
  if (isMap(document.contents)) for (const { value } of document.contents.items) if (isSeq(value)) value.flow = true;
  return `${comment.map((line) => `# ${printable(line, LONGEST)}\n`).join('')}${document.toString({ lineWidth: 0, flowCollectionPadding: false })}`;
}

/**
 * Checks that writing settings to a file loses nothing: the file does not exist, or is a settings file of `generate`.
 *
 * @param flag the flag that names the file
 * @throws UserError if it is another file
 */
export async function refuseOtherFile(path: string, flag: string): Promise<void> {
  if (await isGenerateFile(path)) return;
  throw new UserError(`${flag} ${path} exists and is not a settings file of generate`, 'choose another name, or remove the file');
}

async function isGenerateFile(path: string): Promise<boolean> {
  try {
    const file = await readSettingsFile(path);
    return file === undefined || generateSchema.safeParse(file.value ?? {}).success;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}
