import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../errors.js';
import { explainIssues } from '../../formats/yaml/issues.js';
import type { Column } from '../../metrics/faithfulness/tests.js';
import { readRecordFile, recordOf } from '../run/record.js';
import type { RunRecord } from '../run/record.js';

// Everything that a report knows of the files of `faithfulness`.

const mean = { mean: z.number(), interval: z.object({ low: z.number(), high: z.number() }).optional() };

const schema = z.object({
  photographs: z.number(),
  unchanged: z.array(z.object({ value: z.string(), ...mean })),
  variants: z.array(z.object({
    name: z.string(),
    scores: z.array(z.object({
      test: z.string(), by: z.enum(['threshold', 'area']).optional(), at: z.number().optional(), value: z.string(), ...mean,
      difference: z.object(mean).optional(),
    })),
    curves: z.record(z.string(), z.array(z.number())).optional(),
  })).min(1),
  run: z.looseObject({}),
});

type File = z.infer<typeof schema>;

/** A mean over photographs with its interval, shares in 0..1. */
export type MeanScore = Pick<File['unchanged'][number], 'mean' | 'interval'>;

/** A variant: the means of all columns, differences to the first variant, and mean curves by the names of their tests. */
export interface TestedVariant {
  readonly name: string;
  readonly means: readonly (MeanScore & { readonly column: Column; readonly difference?: MeanScore })[];
  readonly curves: Readonly<Record<string, readonly number[]>>;
}

/** A folder written by `faithfulness`. */
export interface FaithfulnessRun {
  readonly folder: string;
  readonly record: RunRecord;
  readonly photographs: number;
  readonly unchanged: File['unchanged'];
  /** At least one, all with the same columns. */
  readonly variants: readonly TestedVariant[];
}

/**
 * Reads the results of `faithfulness`.
 *
 * @throws UserError if there are none, or if they cannot be read
 */
export async function readFaithfulnessRun(folder: string): Promise<FaithfulnessRun> {
  const path = join(folder, 'faithfulness.json');
  const value = await readRecordFile(path, 'faithfulness');
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new UserError(`${path} is not the result of faithfulness: ${explainIssues(parsed.error, schema, value)}`, 'run the same faithfulness command again to write it');
  const { photographs, unchanged, variants, run } = parsed.data;
  const record = recordOf(run);
  // Those that have a place of their own in the report.
  const known = new Set([...Object.keys(record), 'version']);
  return {
    folder, record: { ...record, settings: Object.fromEntries(Object.entries(run).filter(([name]) => !known.has(name))) }, photographs, unchanged,
    variants: variants.map(({ name, scores, curves = {} }) => ({
      name, curves,
      means: scores.map(({ mean: own, interval, difference, ...column }) => ({ column: column as Column, mean: own, interval, difference })),
    })),
  };
}
