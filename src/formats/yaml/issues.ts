import { z } from 'zod';
import { nearest } from '../../text/nearest.js';

/** The path of a value: names of settings and indices of lists. */
export type Path = readonly PropertyKey[];

/** Where a value was given. */
export interface Place {
  /** A prefix for the message: `my.yaml:3: `. */
  readonly before?: string;
  /** The setting's name there: `--threshold`, `grid.gamma`. */
  readonly name: string;
  /** How other messages refer to it: `threshold of the preset fast`. Default: the name. */
  readonly reference?: string;
}

/** The most names that a message lists. */
const MOST_NAMES = 12;

/** The most faults that a message lists. */
const MOST_FAULTS = 8;

/** The longest value that a message shows in full. */
const LONGEST = 60;

/**
 * Explains in one line what is wrong with a value: which setting, where it was given, what it is and what it must be.
 *
 * The schema's own messages are put after the value. `{name}` in them stands for another setting and its value.
 *
 * @param value what was parsed
 * @param placeOf where each part of it was given
 */
export function explainIssues(error: z.ZodError, schema: z.ZodType, value: unknown, placeOf: (path: Path) => Place = placeByPath): string {
  const shape = shapeOf(schema);
  // One fault per value: the message says what the value must be.
  const faults = new Map<string, () => string>();
  for (const issue of error.issues) {
    const names = issue.code === 'unrecognized_keys' ? issue.keys : [''];
    for (const name of names) faults.set(JSON.stringify([issue.path, name]), () => sentenceOn(issue, name, shape, value, placeOf));
  }
  const sentences = [...faults.values()].slice(0, MOST_FAULTS).map((sentence) => sentence());
  if (faults.size > MOST_FAULTS) sentences.push(`There are ${faults.size - MOST_FAULTS} more errors`);
  return sentences.reduce((text, sentence) => `${text}${text.endsWith('?') ? ' ' : '. '}${sentence}`);
}

/** The path as text: `variants[0].gamma`. */
export function placeByPath(path: Path): Place {
  return { name: path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${String(part)}`)).join('') || 'it' };
}

/** @param unknown the unknown setting, if that is the fault */
function sentenceOn(issue: z.core.$ZodIssue, unknown: string, shape: Shape, value: unknown, placeOf: (path: Path) => Place): string {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(shapeAt(shape, path)?.properties ?? {});
    const inside = path.length === 0 ? '' : ` in ${placeByPath(path).name}`;
    return `${placeOf([...path, unknown]).before ?? ''}there is no setting '${unknown}'${inside}${alternatives(unknown, known)}`;
  }
  const { before = '', name } = placeOf(path);
  const found = valueAt(value, path);
  if (found === undefined) return `${before}${name} is missing`;
  // An element of a list from a flag has no name.
  const verb = typeof path.at(-1) === 'number' && !name.endsWith(']') ? 'contains' : 'is';
  const wanted = shapeAt(shape, path);
  const own = issue.code === 'custom' || issue.code === 'invalid_format' ? issue.message : undefined;
  const demand = own?.replaceAll(/\{(\w+)\}/g, (_, other: string) => {
    const place = placeOf([other]);
    return `${place.reference ?? place.name}, which is ${show(valueAt(value, [other]))}`;
  }) ?? `it must be ${wanted === undefined ? 'something else' : expected(wanted, found)}${hintFor(wanted, found)}`;
  return `${before}${name} ${verb} ${show(found)}; ${demand}`;
}

function alternatives(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  if (near !== undefined) return `; did you mean ${near}?`;
  return known.length > 0 && known.length <= MOST_NAMES ? `; the settings are ${known.join(', ')}` : '';
}

function hintFor(shape: Shape | undefined, found: unknown): string {
  if (shape === undefined || typeof found !== 'string') return '';
  const near = shape.enum === undefined ? undefined : nearest(found, shape.enum.map(String));
  if (near !== undefined) return ` (did you mean ${near}?)`;
  return isNumeric(shape) && found.trim() !== '' && Number.isFinite(Number(found)) ? ' (without quotes)' : '';
}

/** A value as a message shows it. */
export function show(value: unknown): string {
  if (value === null) return 'empty';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : jsonOf(value);
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
  return typeof value === 'string' ? `'${short}'` : short;
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // Nested too deeply for JSON.stringify.
    return Array.isArray(value) ? 'a list' : 'a table';
  }
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, part) => (
    typeof inner === 'object' && inner !== null && Object.hasOwn(inner, part) ? (inner as Record<PropertyKey, unknown>)[part] : undefined), value);
}

/** The parts of JSON Schema that settings use. */
interface Shape {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly minLength?: number;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: Shape | false;
  readonly items?: Shape | false;
  readonly prefixItems?: readonly Shape[];
  readonly anyOf?: readonly Shape[];
}

function shapeAt(shape: Shape, path: Path): Shape | undefined {
  let at: Shape | undefined = shape;
  for (const part of path) {
    if (at === undefined) return undefined;
    at = inner(at, part);
  }
  return at;
}

function inner({ prefixItems, items, properties, additionalProperties }: Shape, part: PropertyKey): Shape | undefined {
  if (typeof part === 'number') return prefixItems?.[part] ?? (items === false ? undefined : items);
  if (properties !== undefined && Object.hasOwn(properties, part)) return properties[String(part)];
  return additionalProperties === false ? undefined : additionalProperties;
}

const isNumeric = ({ type }: Shape): boolean => type === 'number' || type === 'integer';

/** What a value must be, as words after "it must be". */
function expected(shape: Shape, found: unknown): string {
  if (shape.anyOf !== undefined) return shape.anyOf.map((one) => expected(one, found)).join(' or ');
  if (shape.enum !== undefined) return orList(shape.enum.map(String));
  switch (shape.type) {
    case 'number':
    case 'integer': {
      const noun = shape.type === 'integer' ? 'a whole number' : typeof found === 'number' && Number.isFinite(found) ? '' : 'a number';
      return [noun, rangeOf(shape)].filter((text) => text !== '').join(' ');
    }
    case 'boolean': return 'true or false';
    case 'string': return found === '' ? 'a non-empty string' : 'a string';
    case 'array': return listOf(shape);
    case 'object': return shape.properties === undefined && typeof shape.additionalProperties === 'object'
      ? `names with ${plural(shape.additionalProperties)} (name: value)`
      : 'settings (name: value)';
    default: return 'something else';
  }
}

/** What a schema takes, in words: `a number above 0`. */
export function describeValues(schema: z.ZodType): string {
  return expected(shapeOf(schema), undefined);
}

function shapeOf(schema: z.ZodType): Shape {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape;
}

function listOf({ prefixItems, items, minItems = 0 }: Shape): string {
  if (prefixItems !== undefined) return `a list of ${prefixItems.length} ${plural(prefixItems[0])}`;
  return `a list of ${minItems > 0 ? 'one or more ' : ''}${items === undefined || items === false ? 'values' : plural(items)}`;
}

function plural(shape: Shape): string {
  if (shape.enum !== undefined) return `values, each ${orList(shape.enum.map(String))}`;
  switch (shape.type) {
    case 'number': return `numbers ${rangeOf(shape)}`.trimEnd();
    case 'integer': return `whole numbers ${rangeOf(shape)}`.trimEnd();
    case 'string': return 'strings';
    case 'array': return 'lists';
    default: return 'values';
  }
}

function rangeOf({ type, minimum, exclusiveMinimum, maximum }: Shape): string {
  const most = maximum === Number.MAX_SAFE_INTEGER && type === 'integer' ? undefined : maximum;
  const least = minimum === Number.MIN_SAFE_INTEGER ? undefined : type === 'integer' && exclusiveMinimum !== undefined ? exclusiveMinimum + 1 : minimum;
  if (exclusiveMinimum !== undefined && type !== 'integer') return `above ${exclusiveMinimum}${most === undefined ? '' : ` and at most ${most}`}`;
  if (least !== undefined) return most === undefined ? `from ${least} up` : `from ${least} to ${most}`;
  return most === undefined ? '' : `at most ${most}`;
}

function orList(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words[words.length - 1]}`;
}
