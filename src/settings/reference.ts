import type { z } from 'zod';
import { describeValues } from '../formats/yaml/issues.js';
import { flagOf, infoOf, valueSchema } from '../setting.js';
import { commandSettings } from './commands.js';

/** A setting, for the docs. */
export interface SettingRow {
  readonly name: string;
  /** `undefined` if it can only be set in a file. */
  readonly flag?: string;
  readonly group: string;
  readonly help: string;
  /** What a value must be: `a number above 0`. */
  readonly values: string;
  /** The schema's default, or the text for a setting without one. */
  readonly default?: string;
  /** Whether variants of `ablate` may differ in it. */
  readonly axis: boolean;
  /** The commands that have it. */
  readonly commands: readonly string[];
}

/** Every setting of every command. Two declarations with the same name (`train` has its own `flip`) are two rows. */
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

function rowOf(name: string, schema: z.ZodType, command: string): SettingRow & { readonly commands: string[] } {
  const info = infoOf(schema);
  if (info === undefined) throw new Error(`the setting ${name} is not declared with setting() or axis()`);
  const { data } = schema.safeParse(undefined);
  return {
    name, flag: info.flag === false ? undefined : flagOf(name, schema), group: info.group, help: info.help,
    values: describeValues(valueSchema(schema) as z.ZodType),
    default: data === undefined ? info.otherwise : typeof data === 'string' ? data : JSON.stringify(data),
    axis: info.axis !== undefined, commands: [command],
  };
}
