import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import type { SettingInfo, SettingTable } from '../../setting.js';
import { flagOf, infoOf, valueSchema } from '../../setting.js';
import { parseNames, parseNumbers } from '../../text/lists.js';
import { notAChoice, parseChoice } from './choice.js';
import { argument, parseCount, parseCountUpTo, parseNumber } from './parsers.js';

type Parser = (text: string) => unknown;

/**
 * Adds the flags of settings as they are declared. They have no defaults, so that a settings file can set what flags do
 * not. Lists of objects have no flag.
 *
 * @param several whether axes take several values
 */
export function addSettings(command: Command, table: SettingTable, { several = false } = {}): Command {
  for (const [name, schema] of Object.entries(table)) {
    const info = infoOf(schema);
    if (info === undefined) throw new Error(`the setting ${name} is not declared with setting() or axis()`);
    if (info.flag === false) continue;
    const [flag, inner] = [flagOf(name, schema), valueSchema(schema)];
    for (const option of several && info.axis !== undefined ? axisOptions(flag, inner, info) : plainOptions(flag, inner, info)) {
      command.addOption(option.helpGroup(`${info.group}:`));
    }
  }
  return command;
}

/** The settings that are given as flags, by their names in the table. */
export function givenSettings(table: SettingTable, flags: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(table)
    .map(([name, schema]) => [name, (flags as Record<string, unknown>)[attributeOf(name, schema)]])
    .filter(([, value]) => value !== undefined));
}

function attributeOf(name: string, schema: z.ZodType): string {
  return new Option(flagOf(name, schema)).attributeName();
}

function helpOf({ help, otherwise }: SettingInfo): string {
  return otherwise === undefined ? help : `${help} (default: ${otherwise})`;
}

function plainOptions(flag: string, schema: z.core.$ZodType, info: SettingInfo): Option[] {
  if (schema instanceof z.ZodBoolean) {
    return [new Option(flag, helpOf(info)), ...info.off === undefined ? [] : [new Option(`--no-${flag.slice(2)}`, info.off)]];
  }
  const parse = parserOf(schema, info);
  if (parse === undefined) return [];
  const option = new Option(`${flag} <${info.value ?? 'value'}>`, helpOf(info));
  return [(schema instanceof z.ZodEnum ? option.choices(wordsOf(schema)) : option).argParser(parse)];
}

/** A flag that adds values to its setting each time it is given. Words, numbers and switches can be lists. */
function axisOptions(flag: string, schema: z.core.$ZodType, info: SettingInfo): Option[] {
  const [value, parse, help] = severalOf(schema, info);
  const option = new Option(`${flag} ${value}`, help);
  if (schema instanceof z.ZodEnum) option.choices(wordsOf(schema));
  if (schema instanceof z.ZodBoolean) option.preset('on');
  return [option.argParser((text: string, before: readonly unknown[] | undefined) => [...before ?? [], ...parse(text)])];
}

function severalOf(schema: z.core.$ZodType, info: SettingInfo): [value: string, parse: (text: string) => readonly unknown[], help: string] {
  const { value = 'value', help } = info;
  if (schema instanceof z.ZodBoolean) return ['[on|off,...]', parseSwitches, help];
  if (schema instanceof z.ZodEnum) return [`<${value},...>`, parseWords(wordsOf(schema)), help];
  if (schema instanceof z.ZodNumber) return [`<${value},...>`, argument(parseNumbers), help];
  const parse = parserOf(schema, info) ?? ((text) => text);
  return [`<${value}>`, (text) => [parse(text)], `${help}; repeat the flag for more values`];
}

/** The parser of a schema's values. Undefined if a flag cannot express them. */
function parserOf(schema: z.core.$ZodType, { parse }: SettingInfo): Parser | undefined {
  if (parse !== undefined) return argument(parse);
  if (schema instanceof z.ZodEnum) return (text) => parseChoice(text, wordsOf(schema), 'Allowed choices are');
  if (schema instanceof z.ZodNumber) return numberParser(schema);
  if (schema instanceof z.ZodString) return (text) => text;
  if (!(schema instanceof z.ZodArray)) return undefined;
  if (schema.element instanceof z.ZodNumber) return argument(parseNumbers);
  return schema.element instanceof z.ZodString ? argument(parseNames) : undefined;
}

function numberParser(schema: z.ZodNumber): Parser {
  const counts = schema.isInt && !schema.safeParse(0).success && schema.safeParse(1).success;
  if (!counts) return parseNumber;
  const { maxValue } = schema;
  return maxValue === null || maxValue === Number.MAX_SAFE_INTEGER ? parseCount : (text) => parseCountUpTo(maxValue, text);
}

function wordsOf(schema: z.ZodEnum): string[] {
  return schema.options.map(String);
}

function parseWords(words: readonly string[]): (text: string) => string[] {
  return (text) => argument(parseNames)(text).map((word) => {
    if (!words.includes(word)) throw new InvalidArgumentError(`'${word}' is not known. ${notAChoice(word, words)}`);
    return word;
  });
}

function parseSwitches(text: string): boolean[] {
  return text.split(',').map((word) => {
    if (word === 'on' || word === 'off') return word === 'on';
    throw new InvalidArgumentError('Expected on, off or on,off.');
  });
}
