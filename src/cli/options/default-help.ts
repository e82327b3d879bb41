import type { Command, Option } from 'commander';
import { Help } from 'commander';

/**
 * Shows the default of every setting in a command's help.
 *
 * @param settings the defaults by the names of the flags in camelCase. Called only if help is shown
 */
export function showDefaults(command: Command, settings: () => Readonly<Record<string, unknown>>): Command {
  let known: Readonly<Record<string, unknown>> | undefined;
  const own = new Help();
  return command.configureHelp({
    optionDescription: (option) => {
      known ??= settings();
      const text = option.defaultValue === undefined ? defaultText(option, known[option.attributeName()]) : undefined;
      if (text === undefined) return own.optionDescription(option);
      const shown = Object.assign(Object.create(Object.getPrototypeOf(option)) as Option, option);
      return own.optionDescription(shown.default(known[option.attributeName()], text));
    },
  });
}

/** A default as written after its flag. Undefined for a switch that is off and for settings without a default. */
function defaultText(option: Option, value: unknown): string | undefined {
  if (option.negate || value === undefined || value === null) return undefined;
  if (typeof value === 'boolean') return option.optional ? (value ? 'on' : 'off') : value ? 'on' : undefined;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.join(',');
  if (typeof value !== 'object') return String(value);
  const entries = Object.entries(value);
  return entries.length === 0 ? undefined : entries.map(([name, inner]) => `${name}=${String(inner)}`).join(',');
}
