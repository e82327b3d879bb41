import { readFile } from 'node:fs/promises';
import { parse as parseYaml } from 'yaml';
import type { z } from 'zod';
import { messageOf, UserError } from '../errors.js';
import { presetPath } from '../package.js';
import { describeIssues } from './issues.js';

/** Settings of `generate` that come along, by name. */
export const PRESETS = ['fast', 'best', 'layercam', 'irn'] as const;
export type Preset = typeof PRESETS[number];

/** The preset of `generate` and `cam` where no configuration is named. */
export const DEFAULT_PRESET: Preset = 'fast';

/**
 * Reads the settings of a command: flags override the configuration file, which overrides the defaults of the schema.
 *
 * @param file a YAML or JSON file, the name of a preset that comes along (see {@link PRESETS}), or none
 * @param flags values that are `undefined` were not given
 * @throws UserError where the file cannot be read, or a setting is unknown or out of range
 */
export async function loadConfig<S extends z.ZodType>(
  schema: S, file: string | undefined, flags: Readonly<Record<string, unknown>>,
): Promise<z.infer<S>> {
  const fromFile = file === undefined ? {} : await readConfigFile(isPreset(file) ? presetPath(file) : file);
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const parsed = schema.safeParse({ ...fromFile, ...given });
  if (!parsed.success) throw new UserError(`the settings are not valid${file === undefined ? '' : ` (file ${file})`}: ${describeIssues(parsed.error)}`);
  return parsed.data;
}

function isPreset(text: string): text is Preset {
  return (PRESETS as readonly string[]).includes(text);
}

async function readConfigFile(file: string): Promise<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseYaml(await readFile(file, 'utf8'));
  } catch (error) {
    throw new UserError(`cannot read the configuration ${file}: ${messageOf(error)}`, undefined, { cause: error });
  }
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new UserError(`the configuration ${file} is no list of settings (name: value)`);
  return value as Record<string, unknown>;
}
