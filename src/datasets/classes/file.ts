import { basename, extname } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../errors.js';
import { explainIssues, placeByPath } from '../../formats/yaml/issues.js';
import { readSettingsFile } from '../../formats/yaml/settings-file.js';
import { nearest } from '../../text/nearest.js';
import { readText } from '../text-lines.js';
import { BACKGROUND_NAME, ClassSet } from './class-set.js';
import type { ClassSetData, Colour } from './class-set.js';
import { CLASS_SETS, knownClassSet } from './known.js';
import { colourSchema } from './schema.js';

const EXAMPLE = 'A class set is a list of names: "classes: [scratch, dent]", or a text file with one name per line.';

/** A colour as `#c04020` or `[192, 64, 32]`; `undefined` for anything else. */
function colourIn(value: unknown): Colour | undefined {
  if (typeof value !== 'string') return colourSchema.safeParse(value).data;
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
 * Reads the class set in a file.
 *
 * @throws UserError if there is no such file, or it is not a class set
 */
export async function readClassSet(path: string): Promise<ClassSet> {
  const { name = basename(path, extname(path)), classes } = /\.(?:txt|names|csv)$/i.test(path) ? await namesIn(path) : await classesIn(path);
  try {
    return new ClassSet({ name: knownClassSet(name) === undefined ? name : `${name} of ${path}`, ...toData(classes) });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${path}: ${error.message}`, error.hint, { cause: error });
  }
}

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
