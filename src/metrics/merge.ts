import { z } from 'zod';
import { UserError } from '../errors.js';
import { classSetOf } from '../datasets/classes/known.js';
import { classSetSchema } from '../datasets/classes/schema.js';
import { VOC } from '../datasets/classes/voc.js';
import { ConfusionMatrix } from './confusion.js';
import type { EvaluationResult } from './evaluate.js';
import { coverageOf, scoreAllWays } from './scores.js';

const count = z.number().int().min(0);

/** The output of `eval --shard --json`, as far as it is needed to add up the parts. */
const partSchema = z.object({
  shard: z.object({ index: count.min(1), count: count.min(1) }),
  images: z.object({
    scored: count, missingTruths: z.array(z.string()), missingPredictions: z.array(z.string()),
    failures: z.array(z.object({ id: z.string(), message: z.string() })),
  }),
  notes: z.array(z.string()).default([]),
  classSet: classSetSchema.default(VOC.data as z.infer<typeof classSetSchema>),
  confusion: z.array(z.array(count)),
}).refine(({ classSet: { classes: { length } }, confusion }) => (
  confusion.length === length + 1 && confusion.every((row) => row.length === length + 2)
));

type EvaluationPart = z.infer<typeof partSchema>;

/** The scores of all parts of a list, and the result for each image. */
export interface MergedEvaluation {
  readonly result: EvaluationResult;
  readonly images: EvaluationPart['images'];
  /** Notes about the list and its masks, as sentences. */
  readonly notes: readonly string[];
}

/**
 * Computes the scores of a list from those of its parts. The confusion matrices are added up, so the scores are exactly those
 * of one run over the whole list.
 *
 * @param parts parsed JSON of `eval --shard i/n --json`, each with its name for error messages
 * @throws UserError if a part is not such JSON, is missing, or is given twice
 */
export function mergeEvaluations(parts: readonly { readonly name: string; readonly value: unknown }[]): MergedEvaluation {
  const known = new Map<number, { readonly name: string; readonly part: EvaluationPart }>();
  let total: number | undefined;
  for (const { name, value } of parts) {
    const parsed = partSchema.safeParse(value);
    if (!parsed.success) throw new UserError(`${name} is not the result of 'eval --shard i/n --json'`, 'create it with that command');
    const { index, count: own } = parsed.data.shard;
    if (total !== undefined && own !== total) throw new UserError(`${name} is part ${index} of ${own}, but the others are parts of ${total}`);
    const before = known.get(index);
    if (before !== undefined) throw new UserError(`${before.name} and ${name} are both part ${index} of ${own}`, 'pass each part once');
    total = own;
    known.set(index, { name, part: parsed.data });
  }
  const missing = Array.from({ length: total ?? 0 }, (_, i) => i + 1).filter((index) => !known.has(index));
  if (missing.length > 0) throw new UserError(`parts are missing: ${missing.join(', ')} of ${total}`, 'pass all parts: the scores of a part are not those of the list');
  const all = [...known.values()].map(({ part }) => part);
  const [[first, ...others]] = [[...known.values()]];
  const other = others.find(({ part }) => part.classSet.classes.join('\n') !== first.part.classSet.classes.join('\n'));
  if (other !== undefined) throw new UserError(`${first.name} and ${other.name} have different classes (${first.part.classSet.name}, ${other.part.classSet.name})`);
  const classes = classSetOf(first.part.classSet);
  const matrix = new ConfusionMatrix(classes.labelCount);
  for (const { confusion } of all) matrix.merge(new ConfusionMatrix(Float64Array.from(confusion.flat())));
  const images = {
    scored: all.reduce((sum, part) => sum + part.images.scored, 0),
    missingTruths: all.flatMap((part) => part.images.missingTruths),
    missingPredictions: all.flatMap((part) => part.images.missingPredictions),
    failures: all.flatMap((part) => part.images.failures),
  };
  const { scored, failures } = images;
  return {
    images, notes: [...new Set(all.flatMap(({ notes }) => notes))],
    result: { classes, matrix, scores: scoreAllWays(matrix), coverage: coverageOf(matrix), scored, failures, images: [], whiteVoid: 0 },
  };
}
