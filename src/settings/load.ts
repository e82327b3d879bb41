import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { UserError } from '../errors.js';
import { didYouMean, nearest } from '../text/nearest.js';
import { presetPath } from '../package.js';
import { explainIssues, placeByPath, show } from '../formats/yaml/issues.js';
import type { Path, Place } from '../formats/yaml/issues.js';
import { parseSettings, readSettingsFile } from '../formats/yaml/settings-file.js';
import type { SettingsFile } from '../formats/yaml/settings-file.js';

/** Settings of `generate` that come with this package, by name. */
export const PRESETS = ['fast', 'best', 'layercam', 'irn'] as const;
export type Preset = typeof PRESETS[number];

/** The preset of `generate` and `cam`, if no configuration is named. */
export const DEFAULT_PRESET: Preset = 'fast';

/** Settings whose flag is not called as they are. */
const flagNames: Readonly<Record<string, string>> = { alsoTrainOn: '--also' };

/** The flag of a setting: `--score-cam-batch` for `scoreCamBatch`. */
export function flagOf(name: string): string {
  return flagNames[name] ?? `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Where a value that a flag gave came from; see {@link explainIssues}. */
export function placeOfFlag([name, ...rest]: Path): Place {
  const inner = rest.filter((part) => typeof part !== 'number').map(String);
  return { name: [flagOf(String(name)), ...inner].join(': ') };
}

/**
 * Reads the settings of a command: flags override the configuration file, which overrides the defaults of the schema.
 *
 * @param file a YAML or JSON file, the name of a preset, or none
 * @param flags values that are `undefined` were not given
 * @param presets the presets that the command takes
 * @throws UserError if the file cannot be read, or a setting is unknown or out of range; it names the flag, or file and line
 */
export async function loadConfig<S extends z.ZodType>(
  schema: S, file: string | undefined, flags: Readonly<Record<string, unknown>>, presets: readonly string[] = PRESETS,
): Promise<z.infer<S>> {
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const source = file === undefined ? undefined : await readConfig(file, presets);
  const value = { ...source?.settings, ...given };
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UserError(explainIssues(parsed.error, schema, value, (path) => {
    const [name] = path;
    if (Object.hasOwn(given, name)) return placeOfFlag(path);
    const own = placeByPath(path);
    if (source === undefined || !Object.hasOwn(source.settings, name)) return own;
    const line = source.file.lineOf(path);
    const where = `${source.name}${line === undefined ? '' : `:${line}`}`;
    return { ...own, before: `${where}: `, reference: source.preset ? `${own.name} of the preset ${file}` : `${own.name} in ${where}` };
  }));
}

/**
 * The settings of a preset, with the schema's defaults for what it does not say.
 */
export function presetSettings<S extends z.ZodType>(schema: S, preset: Preset): z.infer<S> {
  const path = presetPath(preset);
  return schema.parse(parseSettings(readFileSync(path, 'utf8'), path).value);
}

interface Config {
  /** The file's name for messages. */
  readonly name: string;
  readonly preset: boolean;
  readonly file: SettingsFile;
  readonly settings: Readonly<Record<PropertyKey, unknown>>;
}

async function readConfig(name: string, presets: readonly string[]): Promise<Config> {
  const preset = presets.includes(name);
  const path = preset ? presetPath(name) : name;
  const file = await readSettingsFile(path);
  if (file === undefined) throw notFound(name, presets);
  const { value } = file;
  if (value === null || value === undefined) return { name: path, preset, file, settings: {} };
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new UserError(`${path}: a configuration holds settings (name: value), this one holds ${Array.isArray(value) ? 'a list' : show(value)}`);
  }
  return { name: path, preset, file, settings: value as Record<PropertyKey, unknown> };
}

function notFound(name: string, presets: readonly string[]): UserError {
  if (/[./\\]/.test(name) || presets.length === 0) {
    const stem = name.replace(/^.*[/\\]/, '').replace(/\.\w+$/, '');
    const near = nearest(stem, presets);
    const elsewhere = presets.length === 0 && (PRESETS as readonly string[]).includes(stem) ? `${stem} is a preset of generate and cam; this command takes a file` : undefined;
    return new UserError(`cannot read the configuration ${name}: there is no such file`, near === undefined ? elsewhere : `did you mean the preset ${near}?`);
  }
  return new UserError(`there is neither a preset nor a file called '${name}'`, didYouMean(name, presets));
}
