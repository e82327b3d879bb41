import { messageOf, UserError } from '../errors.js';
import { readRegularFile } from '../jobs/files/read-file.js';
import { bootstrapMeanIou, differenceInterval, drawWithReplacement, percentileInterval } from '../metrics/bootstrap.js';
import type { Interval, SparseMatrices } from '../metrics/bootstrap.js';
import type { ClassSet } from '../datasets/classes/class-set.js';
import { meanIou } from '../metrics/mean-iou.js';
import type { IgnoredAs } from '../metrics/scores.js';
import { randomSequence } from '../random.js';
import type { ImageRecord } from './record.js';
import { decodeRecord, recordPath } from './record.js';
import type { Choice } from './sums.js';
import { eachCell, MeasureSums } from './sums.js';
import { curveOf, largestOf, tunePerClass } from './tune.js';
import type { Variant } from '../variants/variant.js';
import type { AblationWork, Parameters } from './work.js';
import { parametersOf } from './work.js';

/** Everything that {@link scoreAblation} needs. */
export interface ScoreOptions {
  /** The folder with the records of all images. */
  readonly out: string;
  readonly classes: ClassSet;
  readonly variants: readonly Variant[];
  readonly work: AblationWork;
  readonly parameters: Parameters;
  /** Images that parameters are chosen on, and images that are scored with them; may be the same. */
  readonly tuneIds: readonly string[];
  readonly scoreIds: readonly string[];
  readonly ignoredAs: IgnoredAs;
  /** The number of resamples; 0: no intervals. */
  readonly bootstrap: number;
  readonly seed: number;
  /** The name of the variant that the others are compared with, or `best`; default: the first one. */
  readonly baseline?: string;
}

/** The parameter that was tuned for a variant, and its best value. */
export type Parameter
  = | { readonly name: 'threshold' | 'alpha' | 'percentile'; readonly value: number }
    | { readonly name: 'otsu' }
    /** By label, from 0; that of the background has no meaning. */
    | { readonly name: 'per-class'; readonly values: readonly number[] };

/** How a variant differs from the baseline, on the same images. */
export interface Difference extends Partial<Interval> {
  readonly value: number;
  /** Whether the interval excludes 0; `undefined` without an interval. */
  readonly real?: boolean;
}

/** The scores of a variant; mean IoU is in 0..1. */
export interface VariantScore extends Partial<Interval> {
  readonly variant: Variant;
  readonly parameter: Parameter;
  /** Mean IoU on the images that the parameter was chosen on. */
  readonly tuned: number;
  /** Mean IoU on the scored images; `low` and `high` are its 95 % interval. */
  readonly miou: number;
  /** IoU of each label on the scored images; NaN for labels that do not occur. */
  readonly perLabel: readonly number[];
  readonly difference: Difference;
  /** The mean IoU of each value of the parameter. */
  readonly curve: readonly { readonly value: number; readonly tuned: number; readonly miou: number }[];
}

export interface AblationScores {
  readonly classes: ClassSet;
  /** The best first. */
  readonly scores: readonly VariantScore[];
  /** The name of the variant that the others are compared with. */
  readonly baseline: string;
  /** Whether parameters were chosen on the scored images. */
  readonly sawMasks: boolean;
  readonly images: { readonly tune: number; readonly score: number };
}

/**
 * Chooses each variant's parameter on some images and scores it on others, with bootstrap intervals over the scored images.
 *
 * @throws UserError if a record is missing or damaged, or the baseline is not one of the variants
 */
export async function scoreAblation(options: ScoreOptions): Promise<AblationScores> {
  const { classes, variants, work, parameters, tuneIds, scoreIds, ignoredAs, bootstrap, seed } = options;
  const { labelCount } = classes;
  const sawMasks = sameSet(tuneIds, scoreIds);
  const tuneSums = await sumRecords(options, tuneIds);
  const scoreSums = sawMasks ? tuneSums : await sumRecords(options, scoreIds);
  const measures = work.measureOf;
  const choices = variants.map(({ background }, v): Choice => {
    const sums = tuneSums[measures[v]];
    return background === 'per-class' ? tunePerClass(sums, ignoredAs) : largestOf(curveOf(sums, ignoredAs));
  });
  const results = variants.map((variant, v) => {
    const [tune, score] = [tuneSums[measures[v]], scoreSums[measures[v]]];
    const tried = parametersOf(work.measures[measures[v]].kind, parameters);
    const [tuned, scored] = [curveOf(tune, ignoredAs), sawMasks ? undefined : curveOf(score, ignoredAs)];
    const perLabel = new Float64Array(labelCount);
    const miou = meanIou(score.matrix(choices[v]), ignoredAs, perLabel);
    return {
      variant, parameter: parameterOf(variant, choices[v], tried),
      tuned: meanIou(tune.matrix(choices[v]), ignoredAs), miou, perLabel: [...perLabel],
      curve: tried.map((value, p) => ({ value, tuned: tuned[p], miou: (scored ?? tuned)[p] })),
    };
  });
  const reference = baselineOf(results, options.baseline);
  const draw = drawWithReplacement(randomSequence(seed));
  const resamples = bootstrap === 0
    ? undefined
    : bootstrapMeanIou(await sparseMatrices(options, choices), { resamples: bootstrap, draw, ignoredAs, labelCount });
  const scores = results.map((result, v): VariantScore => {
    const value = result.miou - results[reference].miou;
    if (resamples === undefined) return { ...result, difference: { value } };
    const interval = differenceInterval(resamples[v], resamples[reference]);
    return { ...result, ...percentileInterval(resamples[v]), difference: { value, ...interval, real: interval.low > 0 || interval.high < 0 } };
  });
  scores.sort((a, b) => b.miou - a.miou);
  return { classes, scores, baseline: variants[reference].name, sawMasks, images: { tune: tuneIds.length, score: scoreIds.length } };
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const set = new Set(a);
  return set.size === new Set(b).size && b.every((id) => set.has(id));
}

function baselineOf(results: readonly { readonly variant: Variant; readonly miou: number }[], wanted: string | undefined): number {
  if (wanted === undefined) return 0;
  const named = results.findIndex(({ variant }) => variant.name === wanted);
  if (named >= 0) return named;
  if (wanted === 'best') return largestOf(results.map(({ miou }) => miou));
  throw new UserError(`there is no variant '${wanted}' to compare with`, `name one of: ${results.map(({ variant }) => variant.name).join('; ')}; or best`);
}

function parameterOf({ background }: Variant, choice: Choice, tried: readonly number[]): Parameter {
  if (typeof choice !== 'number') return { name: 'per-class', values: choice.map((p) => tried[p]) };
  switch (background) {
    case 'power': return { name: 'alpha', value: tried[choice] };
    case 'percentile': return { name: 'percentile', value: tried[choice] };
    case 'otsu': return { name: 'otsu' };
    default: return { name: 'threshold', value: tried[choice] };
  }
}

async function readRecord(out: string, id: string): Promise<ImageRecord> {
  const path = recordPath(out, id);
  try {
    return decodeRecord(await readRegularFile(path));
  } catch (error) {
    throw new UserError(`cannot read the counts of ${id} in ${path}: ${messageOf(error)}`, 'remove the file and run the same command again', { cause: error });
  }
}

/** The counts of all measures, summed over some images. */
async function sumRecords({ out, classes, work, parameters }: ScoreOptions, ids: readonly string[]): Promise<MeasureSums[]> {
  const totals = new Float64Array(classes.labelCount);
  const sums = work.measures.map(({ kind }) => new MeasureSums(parametersOf(kind, parameters).length, totals));
  for (const id of ids) {
    const record = await readRecord(out, id);
    record.truths.forEach((truth, t) => { totals[truth] += record.totals[t]; });
    record.measures.forEach((counts, m) => { sums[m].add(record, counts); });
  }
  return sums;
}

/** The confusion matrices of each variant for every scored image. */
async function sparseMatrices({ out, classes, variants, work, scoreIds }: ScoreOptions, choices: readonly Choice[]): Promise<SparseMatrices[]> {
  const cells = variants.map((): number[] => []);
  const counts = variants.map((): number[] => []);
  const starts = variants.map(() => new Uint32Array(scoreIds.length + 1));
  for (const [i, id] of scoreIds.entries()) {
    const record = await readRecord(out, id);
    variants.forEach((_, v) => {
      eachCell(record, record.measures[work.measureOf[v]], choices[v], classes.labelCount, (cell, count) => {
        cells[v].push(cell);
        counts[v].push(count);
      });
      starts[v][i + 1] = cells[v].length;
    });
  }
  return variants.map((_, v) => ({ starts: starts[v], cells: Uint16Array.from(cells[v]), counts: Float64Array.from(counts[v]) }));
}
