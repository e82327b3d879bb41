import type { Command } from 'commander';
import { stringify } from 'yaml';
import { DEFAULT_PRESET, PRESETS, RENAMED_PRESETS } from '../../settings/presets.js';
import { GROUPS } from './groups.js';

/** The flags of {@link addConfigOption} and {@link addPrintConfigOption}. */
export interface ConfigFlags {
  config?: string;
  printConfig?: boolean;
  json?: boolean;
}

/** Adds `--config` to a command that starts from a preset. */
export function addConfigOption(command: Command, addition = ''): Command {
  return command.optionsGroup(GROUPS.settings).option(
    '--config <preset or file>',
    `a preset (${PRESETS.join(', ')}) or a YAML file with the names of the flags in camelCase; flags override it; settings missing in a file are those of the preset paper${addition} (default: ${DEFAULT_PRESET}, its settings are the defaults below)`,
  );
}

/** Adds `--print-config`. */
export function addPrintConfigOption(command: Command): Command {
  return command.optionsGroup(GROUPS.settings).option('--print-config', 'print the resulting settings and exit');
}

/** Prints settings as YAML, or as JSON with `--json`. */
export function printConfig(config: object, { json }: ConfigFlags): void {
  process.stdout.write(json === true ? `${JSON.stringify(config, null, 2)}\n` : stringify(config));
}

/** The preset or file that a command starts from. Prints a note if the name of a preset is an old one. */
export function startOf({ config = DEFAULT_PRESET }: ConfigFlags): string {
  const renamed = RENAMED_PRESETS.get(config);
  if (renamed !== undefined) process.stderr.write(`note: the preset ${config} is now called ${renamed}\n`);
  return renamed ?? config;
}

/** Prints the preset that is used if `--config` is not given. */
export function sayPreset({ config }: ConfigFlags): void {
  if (config === undefined) process.stderr.write(`settings: preset ${DEFAULT_PRESET}\n`);
}
