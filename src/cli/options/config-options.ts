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

/** Adds `--config` of a command that starts from a preset. */
export function addConfigOption(command: Command, addition = ''): Command {
  return command.optionsGroup(GROUPS.settings).option(
    '--config <preset or file>',
    `the preset ${PRESETS.join(', ')}, or a YAML file with the names of the flags in camelCase; flags override it (default: ${DEFAULT_PRESET}, whose settings are the defaults below). What a file does not set is as in the preset paper${addition}`,
  );
}

/** Adds the flag that shows the settings. */
export function addPrintConfigOption(command: Command): Command {
  return command.optionsGroup(GROUPS.settings).option('--print-config', 'print the settings that result from file and flags, and stop');
}

/** Prints settings as YAML, or as JSON if that is asked for. */
export function printConfig(config: object, { json }: ConfigFlags): void {
  process.stdout.write(json === true ? `${JSON.stringify(config, null, 2)}\n` : stringify(config));
}

/** The preset or file that a command starts from. Says on standard error if the name of a preset is an old one. */
export function startOf({ config = DEFAULT_PRESET }: ConfigFlags): string {
  const renamed = RENAMED_PRESETS.get(config);
  if (renamed !== undefined) process.stderr.write(`note: the preset ${config} is now called ${renamed}\n`);
  return renamed ?? config;
}

/** Says on standard error which preset a command starts from if none is named. */
export function sayPreset({ config }: ConfigFlags): void {
  if (config === undefined) process.stderr.write(`settings: preset ${DEFAULT_PRESET}\n`);
}
