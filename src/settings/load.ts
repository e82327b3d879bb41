import { z } from 'zod';
import { UserError } from '../errors.js';
import { explainIssues, placeByPath, show } from '../formats/yaml/issues.js';
import type { Path, Place } from '../formats/yaml/issues.js';
import { readSettingsFile } from '../formats/yaml/settings-file.js';
import type { SettingsFile } from '../formats/yaml/settings-file.js';
import { presetPath } from '../package.js';
import { flagOf } from '../setting.js';
import { didYouMean, nearest } from '../text/nearest.js';
import { seedSettings } from './cam.js';
import type { SeedSettings } from './cam.js';
import { generateSchema } from './generate.js';
import { PRESETS, RENAMED_PRESETS, settingsIn } from './presets.js';

/** The flag that a value came from; see {@link explainIssues}. */
export function placeOfFlag(schema: z.ZodObject): (path: Path) => Place {
  return ([name, ...rest]) => {
    const inner = rest.filter((part) => typeof part !== 'number').map(String);
    return { name: [flagOf(String(name), schema.shape[String(name)] as z.ZodType | undefined), ...inner].join(': ') };
  };
}

/** How {@link loadConfig} reads settings. */
export interface LoadOptions {
  /** The presets that the command accepts; default: all. */
  readonly presets?: readonly string[];
  /** Where the given values came from, for messages; default: flags. */
  readonly placeOf?: (path: Path) => Place;
}

/**
 * Loads the settings of a command: given values override the settings file, which overrides the defaults of the schema.
 *
 * @param file a YAML or JSON file, or the name of a preset
 * @param values the given values; `undefined` ones are ignored
 * @throws UserError if the file cannot be read, or a setting is unknown or wrong; the message names the flag, or file and line
 */
export async function loadConfig<S extends z.ZodObject>(
  schema: S, file: string | undefined, values: Readonly<Record<string, unknown>>,
  { presets = PRESETS, placeOf = placeOfFlag(schema) }: LoadOptions = {},
): Promise<z.infer<S>> {
  const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  const source = file === undefined ? undefined : await readConfig(schema, file, presets);
  const value = { ...source?.settings, ...given };
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UserError(explainIssues(parsed.error, schema, value, (path) => {
    const [name] = path;
    if (Object.hasOwn(given, name)) return placeOf(path);
    const own = placeByPath(path);
    if (source === undefined || !Object.hasOwn(source.settings, name)) return own;
    const line = source.file.lineOf(path);
    const where = `${source.path}${line === undefined ? '' : `:${line}`}`;
    return { ...own, before: `${where}: `, reference: source.preset === undefined ? `${own.name} in ${where}` : `${own.name} of the preset ${source.preset}` };
  }));
}

/**
 * Loads all settings of seeds from a preset or a file, and checks them.
 *
 * ```ts
 * const settings = await loadSettings('fast', { threshold: 0.5 });
 * ```
 *
 * @param presetOrFile the name of a preset (fast, best, paper, irn), or a YAML or JSON file; other settings have their defaults
 * @param overrides settings that override those of the preset or file
 * @throws UserError if there is no such preset or file, or a setting is unknown or wrong
 */
export async function loadSettings(presetOrFile: string, overrides: Partial<SeedSettings> = {}): Promise<SeedSettings> {
  const config = await loadConfig(generateSchema, presetOrFile, overrides, { placeOf: placeByPath });
  return z.object(seedSettings).parse(config);
}

interface Config {
  readonly path: string;
  readonly preset?: string;
  readonly file: SettingsFile;
  readonly settings: Readonly<Record<PropertyKey, unknown>>;
}

async function readConfig(schema: z.ZodObject, named: string, presets: readonly string[]): Promise<Config> {
  const name = presets.length === 0 ? named : RENAMED_PRESETS.get(named) ?? named;
  const preset = presets.includes(name) ? name : undefined;
  const path = preset === undefined ? name : presetPath(name);
  const file = await readSettingsFile(path);
  if (file === undefined) throw notFound(name, presets);
  const { value } = file;
  if (value === null || value === undefined) return { path, preset, file, settings: {} };
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new UserError(`${path}: a configuration must contain settings (name: value), this one contains ${Array.isArray(value) ? 'a list' : show(value)}`);
  }
  return { path, preset, file, settings: preset === undefined ? value as Record<PropertyKey, unknown> : settingsIn(schema, value) };
}

function notFound(name: string, presets: readonly string[]): UserError {
  if (/[./\\]/.test(name) || presets.length === 0) {
    const stem = name.replace(/^.*[/\\]/, '').replace(/\.\w+$/, '');
    const near = nearest(stem, presets);
    const elsewhere = presets.length === 0 && (PRESETS as readonly string[]).includes(stem) ? `${stem} is a preset of generate, cam and ablate; this command takes a file` : undefined;
    return new UserError(`cannot read the configuration ${name}: there is no such file`, near === undefined ? elsewhere : `did you mean the preset ${near}?`);
  }
  return new UserError(`there is no preset or file called '${name}'`, didYouMean(name, presets));
}
