import type { z } from 'zod';
import { UserError } from '../errors.js';

/** Of some settings, by name, what is required of a value beyond its type; a check throws a {@link UserError}. */
export type SettingChecks = Readonly<Record<string, (value: never) => void>>;

/**
 * A schema that checks the values of some settings as well, also those that a `grid` or a list of `variants` holds: what is
 * wrong with them is told together with everything else, and before any work begins.
 */
export function withChecks<S extends z.ZodType>(schema: S, checks: SettingChecks): S {
  return schema.superRefine((value, context) => { addIssues(context, checks, value as Settings); });
}

interface Settings extends Readonly<Record<string, unknown>> {
  readonly grid?: Readonly<Record<string, readonly unknown[] | undefined>>;
  readonly variants?: readonly Readonly<Record<string, unknown>>[];
}

function addIssues(context: z.RefinementCtx, checks: SettingChecks, settings: Settings): void {
  for (const [name, check] of Object.entries(checks)) {
    const one = (value: unknown, at: readonly PropertyKey[]): void => {
      if (value === undefined) return;
      try {
        check(value as never);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        const { message, hint } = error;
        context.addIssue({ code: 'custom', message: hint === undefined ? message : `${message}; ${hint}`, path: [...at] });
      }
    };
    one(settings[name], [name]);
    settings.grid?.[name]?.forEach((value, i) => { one(value, ['grid', name, i]); });
    settings.variants?.forEach((variant, i) => { one(variant[name], ['variants', i, name]); });
  }
}
