import { basename, extname } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../errors.js';
import { explainIssues, placeByPath } from '../../formats/yaml/issues.js';
import { readSettingsFile } from '../../formats/yaml/settings-file.js';
import { nearest } from '../../text/nearest.js';
import { readText } from '../text-lines.js';
import { BACKGROUND_NAME, ClassSet } from './class-set.js';
import type { ClassSetData, Colour } from './class-set.js';
import { COCO } from './coco.js';
import { VOC } from './voc.js';

/** The class sets that have a name. */
const known: Readonly<Record<string, ClassSet>> = { voc: VOC, coco: COCO };

/** Their names. */
export const CLASS_SETS: readonly string[] = Object.keys(known);

const EXAMPLE = 'A class set is a list of names: "classes: [scratch, dent]", or a text file with one name per line.';

const channel = z.number().int().min(0).max(255);
const triple = z.tuple([channel, channel, channel]);

/** A colour as `#c04020` or `[192, 64, 32]`; `undefined` for anything else. */
function colourIn(value: unknown): Colour | undefined {
  if (typeof value !== 'string') return triple.safeParse(value).data;
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(value);
  return match === null ? undefined : [parseInt(match[1], 16), parseInt(match[2], 16), parseInt(match[3], 16)];
}

const className = z.string().trim().min(1);
const classSchema = z.strictObject({
  name: className,
  aliases: z.array(className).default([]),
  colour: z.unknown().refine((value) => colourIn(value) !== undefined, 'it must be a colour like "#c04020" or [192, 64, 32]').optional(),
  id: z.number().int().min(0).optional(),
});
const fileSchema = z.strictObject({ name: className.optional(), classes: z.array(classSchema).min(1) });

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
  if (Object.hasOwn(known, nameOrFile)) return known[nameOrFile];
  const name = basename(nameOrFile, extname(nameOrFile));
  const classes = /\.(?:txt|names|csv)$/i.test(nameOrFile) ? await namesIn(nameOrFile) : await classesIn(nameOrFile);
  const data = { name: classes.name ?? name, ...toData(classes.classes) };
  if (Object.hasOwn(known, data.name)) data.name = `${data.name} of ${nameOrFile}`;
  try {
    return new ClassSet(data);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${nameOrFile}: ${error.message}`, error.hint, { cause: error });
  }
}

/** The class set for the data of one, as {@link ClassSet.data} gives it. */
export function classSetOf(data: ClassSetData): ClassSet {
  return Object.hasOwn(known, data.name) ? known[data.name] : new ClassSet(data);
}

/**
 * A class set that a data set has by itself. Its name is never that of a known set.
 *
 * @param origin where the classes come from, for messages
 * @throws UserError if the classes are not a class set
 */
export function ownClassSet(data: ClassSetData, origin: string): ClassSet {
  try {
    return new ClassSet({ ...data, name: Object.hasOwn(known, data.name) ? `${data.name} of ${origin}` : data.name });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`the classes of ${origin}: ${error.message}`, error.hint, { cause: error });
  }
}

/** {@link ClassSetData} in the JSON files of results. */
export const classSetSchema = z.object({
  name: z.string(), classes: z.array(z.string()).min(1), aliases: z.record(z.string(), z.string()).optional(),
  colours: z.record(z.string(), triple).optional(), categoryIds: z.array(z.number().int()).optional(),
});

type Entry = string | z.infer<typeof classSchema>;

async function namesIn(path: string): Promise<{ name?: string; classes: Entry[] }> {
  const classes = (await readText(path, `the class set ${path}`)).split(/\r\n|\n|\r/).map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  if (classes.length === 0) throw new UserError(`the class set ${path} is empty`, EXAMPLE);
  return { classes };
}

async function classesIn(path: string): Promise<{ name?: string; classes: Entry[] }> {
  const file = await readSettingsFile(path);
  if (file === undefined) {
    const near = nearest(path, CLASS_SETS);
    throw new UserError(`there is no class set '${path}'`, near === undefined ? `give ${CLASS_SETS.join(', ')}, or a YAML file with the names of the classes` : `did you mean ${near}?`);
  }
  const given = Array.isArray(file.value) ? { classes: file.value as unknown } : file.value;
  if (typeof given !== 'object' || given === null) throw new UserError(`the class set ${path} has no list of classes`, EXAMPLE);
  const classes = 'classes' in given ? given.classes : undefined;
  const value = { ...given, ...Array.isArray(classes) && { classes: classes.map((entry: unknown) => (typeof entry === 'string' ? { name: entry } : entry)) } };
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UserError(`the class set ${path}: ${explainIssues(parsed.error, fileSchema, value, placeByPath)}`, EXAMPLE);
}

function toData(entries: readonly Entry[]): Omit<ClassSetData, 'name'> {
  const all = entries.map((entry) => (typeof entry === 'string' ? { name: entry, aliases: [], colour: undefined, id: undefined } : entry));
  const own = all[0].name.toLowerCase() === BACKGROUND_NAME ? all.slice(1) : all;
  const aliases = Object.fromEntries(own.flatMap(({ name, aliases: others }) => others.map((alias) => [alias, name])));
  const colours = Object.fromEntries(own.flatMap(({ name, colour }) => (colour === undefined ? [] : [[name, colourIn(colour)!]])));
  return {
    classes: own.map(({ name }) => name),
    ...Object.keys(aliases).length > 0 && { aliases },
    ...Object.keys(colours).length > 0 && { colours },
    ...own.some(({ id }) => id !== undefined) && { categoryIds: own.map(({ id }, i) => id ?? i + 1) },
  };
}
