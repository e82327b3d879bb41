import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { explainIssues } from '../../formats/yaml/issues.js';
import { messageOf, UserError } from '../../errors.js';

/** An mIoU is at most 1. Larger scores are percentages. */
const LARGEST_SHARE = 1;

const schema = z.looseObject({
  /** Whether the thresholds were chosen with the same masks that the scores are computed with. */
  sawMasks: z.boolean().nullish(),
  variants: z.array(z.looseObject({
    name: z.string(),
    /** Null if no class is present. */
    miou: z.number().min(0).max(100).nullable(),
    /** The ends of a confidence interval. */
    low: z.number().nullish(),
    high: z.number().nullish(),
    threshold: z.number().nullish(),
  })).min(1),
});

/** One row of an ablation; scores in [0, 1]. */
export interface AblationVariant {
  readonly name: string;
  readonly miou: number;
  readonly low?: number;
  readonly high?: number;
  readonly threshold?: number;
}

/** The results of an ablation. */
export interface Ablation {
  readonly variants: readonly AblationVariant[];
  /** Whether the thresholds were chosen with the masks that the scores are computed with; `undefined` if the file does not say. */
  readonly sawMasks?: boolean;
}

/**
 * Reads the results of an ablation: a JSON file `{ sawMasks?, variants: [{ name, miou, low?, high?, threshold? }] }`. Scores
 * are either all in 0..1 or all in percent. Other fields are ignored, and variants without a score are left out.
 *
 * @throws UserError if the file cannot be read or is not the results of an ablation
 */
export async function readAblation(path: string): Promise<Ablation> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new UserError(`cannot read the ablation ${path}: ${messageOf(cause)}`, undefined, { cause });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    throw new UserError(`${path} is not the results of an ablation: ${explainIssues(parsed.error, schema, value)}`, 'expected { "variants": [{ "name": ..., "miou": ... }] }');
  }
  const { variants, sawMasks } = parsed.data;
  const unit = variants.some(({ miou, high }) => Math.max(miou ?? 0, high ?? 0) > LARGEST_SHARE) ? 100 : 1;
  const share = (score: number | null | undefined): number | undefined => (score == null ? undefined : score / unit);
  return {
    sawMasks: sawMasks ?? undefined,
    variants: variants.flatMap(({ name, miou, low, high, threshold }) => (miou === null
      ? []
      : [{ name, miou: miou / unit, low: share(low), high: share(high), threshold: threshold ?? undefined }])),
  };
}
