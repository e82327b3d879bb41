import type { z } from 'zod';
import { describeValues } from '../formats/yaml/issues.js';
import { flagOf, infoOf, valueSchema } from '../setting.js';
import { commandSettings } from './commands.js';

/** A setting, for the docs. */
export interface SettingRow {
  readonly name: string;
  /** None for what only a file can hold. */
  readonly flag?: string;
  readonly group: string;
  readonly help: string;
  /** What a value must be: `a number above 0`. */
  readonly values: string;
  /** The schema's default, or what happens without a value. */
  readonly default?: string;
  /** Whether variants of `ablate` may differ in it. */
  readonly axis: boolean;
  /** The commands that have it. */
  readonly commands: readonly string[];
}

/** Every setting of every command. Settings of one name that are declared twice (`train` has its own `flip`) are two rows. */
export function allSettings(): SettingRow[] {
  const rows = new Map<z.ZodType, SettingRow & { readonly commands: string[] }>();
  for (const [command, table] of Object.entries(commandSettings)) {
    for (const [name, schema] of Object.entries<z.ZodType>(table)) {
      const known = rows.get(schema);
      if (known === undefined) rows.set(schema, rowOf(name, schema, command));
      else known.commands.push(command);
    }
  }
  return [...rows.values()];
}

/** All settings as a page of Markdown, by the headings of `--help`. */
export function settingsReference(): string {
  const rows = allSettings();
  const groups = [...new Set(rows.map(({ group }) => group))];
  const table = (group: string): string[] => [
    '', `## ${group}`, '', '| setting | flag | value | default | commands | |', '|---|---|---|---|---|---|',
    ...rows.filter((row) => row.group === group).map(({ name, flag, values, default: without, commands, axis, help }) => (
      `| ${[`\`${name}\``, flag === undefined ? '' : `\`${flag}\``, values, without ?? '', commands.map((command) => (axis && command === 'ablate' ? 'ablate (axis)' : command)).join(', '), help].map(cell).join(' | ')} |`)),
  ];
  return [
    '# Settings', '',
    'Every setting of `generate`, `cam`, `ablate` and `train`: its name in a configuration file, its flag, what it takes, and its default. '
    + 'Defaults are those of a configuration file that does not say the setting (the preset `paper`); without `--config`, `generate`, `cam` and `ablate` '
    + 'start from the preset `fast`. An axis takes several values in `ablate`.',
    ...groups.flatMap(table), '',
  ].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

function rowOf(name: string, schema: z.ZodType, command: string): SettingRow & { readonly commands: string[] } {
  const info = infoOf(schema);
  if (info === undefined) throw new Error(`the setting ${name} is not declared with setting() or axis()`);
  const { data } = schema.safeParse(undefined);
  return {
    name, flag: info.flag === false ? undefined : flagOf(name, schema), group: info.group, help: info.help, values: describeValues(valueSchema(schema) as z.ZodType),
    default: data === undefined ? info.otherwise : typeof data === 'string' ? data : JSON.stringify(data),
    axis: info.axis !== undefined, commands: [command],
  };
}
