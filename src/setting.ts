import { z } from 'zod';
import { UserError } from './errors.js';

/** What is declared for a setting in addition to its schema (type, range and default). */
export interface SettingInfo {
  /** One line for `--help`, editors and docs. */
  readonly help: string;
  /** Its heading in `--help` and docs. */
  readonly group: string;
  /** The placeholder of the value in `--help`: `g` for `--gamma <g>`. */
  readonly value?: string;
  /** The flag, if it is not the name in kebab-case; `false` if there is none. */
  readonly flag?: string | false;
  /** The help of `--no-flag`, which turns off a switch that is on by default or in a file. */
  readonly off?: string;
  /** What a setting without a default is if it is not given, in a word or two. */
  readonly otherwise?: string;
  /** Parses the value of the flag; default: by its schema. Throws a `UserError`. */
  readonly parse?: (text: string) => unknown;
  /**
   * If the setting has no effect with the given settings, what would give it one. The given settings include `layerCount`, the
   * number of fused layers.
   */
  readonly needs?: (settings: never) => string | undefined;
  /** Whether variants of `ablate` may differ in it, and the text of its value in their names; `true`: `layer-norm max`. */
  readonly axis?: true | ((value: never) => string);
}

/** Settings by name. */
export type SettingTable = Readonly<Record<string, z.ZodType>>;

const registry = z.registry<SettingInfo>();

/** Declares a setting: the schema is its type, range and default. */
export function setting<S extends z.ZodType>(schema: S, info: Omit<SettingInfo, 'axis'>): S {
  registry.add(schema, info as never);
  return schema;
}

declare const AXIS: unique symbol;

/** Marks the schema of an axis for the compiler. */
export interface Axis { readonly [AXIS]?: true }

/** Declares a setting that variants of `ablate` may differ in. */
export function axis<S extends z.ZodDefault>(schema: S, { named, ...info }: Omit<SettingInfo, 'axis'> & { readonly named?: (value: z.infer<S>) => string }): S & Axis {
  registry.add(schema, { ...info, axis: named ?? true } as never);
  return schema;
}

/** The names of the axes in a table of settings. */
export type AxisOf<Table> = { [Name in keyof Table]: typeof AXIS extends keyof Table[Name] ? Name : never }[keyof Table];

/** What was declared for a setting; `undefined` for other schemas. */
export function infoOf(schema: z.core.$ZodType): SettingInfo | undefined {
  return registry.get(schema as never) as SettingInfo | undefined;
}

/** `score-cam-batch` for `scoreCamBatch`. */
export function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The flag of a setting: `--score-cam-batch` for `scoreCamBatch`. */
export function flagOf(name: string, schema?: z.ZodType): string {
  const own = schema && infoOf(schema)?.flag;
  return typeof own === 'string' ? own : `--${kebabCase(name)}`;
}

/** The schema of a given value: without default, not optional. */
export function valueSchema(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? valueSchema(schema.unwrap()) : schema;
}

/** Adds a check to a schema: the message of a `UserError` that `check` throws becomes the schema's message. */
export function checkedBy<S extends z.ZodType>(schema: S, check: (value: z.output<S>) => unknown): S {
  return schema.check((context) => {
    try {
      check(context.value);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const { message, hint } = error;
      context.issues.push({ code: 'custom', message: hint === undefined ? message : `${message}; ${hint}`, input: context.value });
    }
  });
}
