import type { z } from 'zod';
import { parseDecimal } from '../../text/decimal.js';
import { explainIssues } from '../../formats/yaml/issues.js';
import { UserError } from '../../errors.js';
import { didYouMean } from '../../text/nearest.js';

/** Steps by name, each with the schema of its options; all options have defaults. */
type StepTable = Readonly<Record<string, { readonly options: z.ZodObject }>>;

/** A step and its options. */
export interface Step {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A step of a table, with typed options. */
export type StepOf<Table extends StepTable> = {
  readonly [Name in keyof Table]: { readonly name: Name; readonly options: Readonly<z.infer<Table[Name]['options']>> }
}[keyof Table];

/**
 * Parses steps `name:option=value:option=value,name,...`. A value has the form of its option's default: a number, a list of
 * numbers separated by hyphens, or a word.
 *
 * @param kind the word for a step in messages
 * @returns every step with all of its options; empty for `none` and the empty text
 * @throws UserError if a step or an option is unknown or given twice, or a value is out of range
 */
export function parseSteps(text: string, table: StepTable, kind: string): Step[] {
  if (text.trim() === '' || text.trim() === 'none') return [];
  return text.split(',').map((part) => {
    const [name, ...settings] = part.split(':').map((word) => word.trim());
    if (!Object.hasOwn(table, name)) throw new UserError(`there is no ${kind} "${name}"`, didYouMean(name, Object.keys(table)));
    const defaults = table[name].options.parse({});
    const given = settings.map((setting) => {
      const [key, value, ...rest] = setting.split('=').map((word) => word.trim());
      if (value === undefined || rest.length > 0) throw new UserError(`"${setting}" of the ${kind} ${name} is not an option`, 'write option=value');
      if (!Object.hasOwn(defaults, key)) {
        throw new UserError(`the ${kind} ${name} has no option "${key}"`, didYouMean(key, Object.keys(defaults)));
      }
      return [key, readValue(value, defaults[key])] as const;
    });
    const doubled = given.find(([key], i) => given.findIndex(([other]) => other === key) < i);
    if (doubled !== undefined) throw new UserError(`the option ${doubled[0]} of the ${kind} ${name} is given twice`, 'leave one of them out');
    const values = Object.fromEntries(given);
    const parsed = table[name].options.safeParse(values);
    if (!parsed.success) throw new UserError(`the ${kind} ${name}: ${explainIssues(parsed.error, table[name].options, values)}`);
    return { name, options: parsed.data };
  });
}

function readValue(text: string, example: unknown): unknown {
  if (Array.isArray(example)) return text.split('-').map(readNumber);
  return typeof example === 'number' ? readNumber(text) : text;
}

/** Text that is not a number is returned as it is, so that the schema's message shows it. */
function readNumber(text: string): number | string {
  return parseDecimal(text) ?? text;
}

/** The shortest text that {@link parseSteps} reads as these steps: options with their default values are left out. */
export function formatSteps(steps: readonly Step[], table: StepTable): string {
  return steps.map(({ name, options }) => {
    const defaults = table[name].options.parse({});
    const settings = Object.entries(options).filter(([key, value]) => writeValue(value) !== writeValue(defaults[key]));
    return [name, ...settings.map(([key, value]) => `${key}=${writeValue(value)}`)].join(':');
  }).join(',') || 'none';
}

function writeValue(value: unknown): string {
  return Array.isArray(value) ? value.join('-') : String(value);
}
