import { z } from 'zod';
import { UserError } from './errors.js';

/** What is known of a setting beside its type, range and default, which are its schema's. */
export interface SettingInfo {
  /** One line for `--help`, editors and docs. */
  readonly help: string;
  /** The heading that it stands under in `--help` and docs. */
  readonly group: string;
  /** What stands for the value in `--help`: `g` for `--gamma <g>`. */
  readonly value?: string;
  /** The flag, if it is not the name in kebab-case; `false` if there is none. */
  readonly flag?: string | false;
  /** The help of `--no-flag`, which takes a switch back that a file turns on. */
  readonly off?: string;
  /** What happens if a setting without a default is not given, in a word or two. */
  readonly otherwise?: string;
  /** Reads the value of the flag, if its schema does not tell how. Throws a `UserError`. */
  readonly parse?: (text: string) => unknown;
  /**
   * What would give the setting an effect, if it has none with these settings. Beside the settings it may look at
   * `layerCount`, the number of layers that are fused.
   */
  readonly needs?: (settings: never) => string | undefined;
  /** Whether variants of `ablate` may differ in it, and how its value is called in their names; `true`: `layer-norm max`. */
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

/** What was declared of a setting; nothing for other schemas. */
export function infoOf(schema: z.core.$ZodType): SettingInfo | undefined {
  return registry.get(schema as never) as SettingInfo | undefined;
}

/** The name of a setting as a flag has it: `score-cam-batch`. */
export function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The flag of a setting: `--score-cam-batch` for `scoreCamBatch`. */
export function flagOf(name: string, schema?: z.ZodType): string {
  const own = schema && infoOf(schema)?.flag;
  return typeof own === 'string' ? own : `--${kebabCase(name)}`;
}

/** The schema of a value that is given: without default, and not optional. */
export function valueSchema(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? valueSchema(schema.unwrap()) : schema;
}

/** A schema that also takes only what a function accepts; what its `UserError` says becomes the schema's message. */
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
