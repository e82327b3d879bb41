import { dirname, join, resolve } from 'node:path';
import { messageOf, UserError } from '../../errors.js';
import { refuseInputFile } from '../../jobs/journal/own-folder.js';
import { coverageOf, scoreAllWays } from '../../metrics/scores.js';
import { evaluationCsv, evaluationJson, evaluationMarkdown } from '../../metrics/format.js';
import { DUMP_ENDINGS } from '../../metrics/maps/dump.js';
import { evaluateMaps } from '../../metrics/maps/evaluate-maps.js';
import type { MapsResult } from '../../metrics/maps/evaluate-maps.js';
import type { MapPair } from '../../metrics/maps/score-maps.js';
import type { PairFailure } from '../../metrics/score-pairs.js';
import type { EvaluationResult } from '../../metrics/evaluate.js';
import { FolderIndex } from '../../datasets/folder-index.js';
import type { DataItem } from '../../datasets/splits.js';
import { labelFileIn, openLabels, openSelection, refuseOverwriting } from '../options/devkit-options.js';
import type { DevkitFlags, LabelFlags, MaskFlags } from '../options/devkit-options.js';
import { few } from '../text/few.js';

/** The flags of `eval --maps`. */
export interface EvalMapsFlags extends DevkitFlags, MaskFlags, LabelFlags {
  keys: '0' | '1' | 'auto';
  threshold?: number;
  thresholds: number;
  array?: string;
  mapNorm: 'max' | 'none';
  allowMissing?: boolean;
  csv?: string | true;
  workers?: number;
}

/** The result of `eval --maps`. */
export interface ScoredMaps {
  readonly result: MapsResult;
  /** The scores at the given threshold, or at the best one. */
  readonly evaluation: EvaluationResult;
  readonly threshold: number;
  /** Whether the threshold was chosen with the same masks. */
  readonly sawMasks: boolean;
  readonly missingTruths: readonly string[];
  readonly missingMaps: readonly string[];
}

/**
 * Scores the maps of a folder.
 *
 * @param folder contains `<id>.npz` or `<id>.npy`
 * @throws UserError if there is nothing to score, or if it is unclear which classes the keys mean
 */
export async function scoreMaps(
  folder: string, flags: EvalMapsFlags, onStart: (total: number) => (done: number) => void,
): Promise<ScoredMaps> {
  const selection = await openSelection(flags, 'truth', dirname(resolve(folder)));
  const { classes, items, missing } = selection;
  if (typeof flags.csv === 'string') {
    await refuseOverwriting(flags.csv, '--csv', selection, flags.labelFile, labelFileIn(flags.labels));
    await refuseInputFile(flags.csv, '--csv', [], [folder]);
  }
  const found = await findMaps(folder, items);
  const source = flags.labels === undefined && !selection.data.hasLabels ? undefined : await openLabels(flags, selection);
  const pairs: MapPair[] = [];
  const unlabelled: PairFailure[] = [];
  const missingMaps: string[] = [];
  for (const item of items) {
    const { id, truth } = item;
    const mapPath = found.get(id);
    try {
      const labels = await source?.labels(item);
      // Without a class there is nothing to make maps of.
      if (mapPath === undefined && labels?.length !== 0) missingMaps.push(id);
      else pairs.push({ id, truth: truth!, mapPath, labels });
    } catch (error) {
      if (mapPath === undefined) missingMaps.push(id);
      else unlabelled.push({ id, message: messageOf(error) });
    }
  }
  if (found.size === 0) {
    throw new UserError(`${folder} has no maps ${DUMP_ENDINGS.map((ending) => `<id>${ending}`).join(' or ')} for any of the ${items.length} images`);
  }
  if (missingMaps.length > 0 && flags.allowMissing !== true) {
    throw new UserError(
      `maps are missing in ${folder}: ${missingMaps.length} of ${items.length} (${few(missingMaps)})`,
      `use --allow-missing to score only the others${source === undefined ? '; images without a class need no maps if --labels says that they have none' : ''}`,
    );
  }
  const bins = flags.thresholds;
  const step = flags.threshold === undefined ? undefined : stepOf(flags.threshold, bins);
  const evaluated = await evaluateMaps(pairs, {
    bins, array: flags.array, normalise: flags.mapNorm === 'max', rgb: flags.rgbMasks, classSet: classes.data,
    keys: flags.keys === 'auto' ? 'auto' : Number(flags.keys) as 0 | 1, workers: flags.workers, onProgress: onStart(pairs.length),
  });
  const result = { ...evaluated, failures: [...unlabelled, ...evaluated.failures] };
  const matrix = result.matrixAt(step ?? result.best);
  return {
    result, threshold: result.curve[step ?? result.best].threshold, sawMasks: step === undefined,
    missingTruths: missing.map(({ id }) => id), missingMaps,
    evaluation: {
      classes, matrix, scores: scoreAllWays(matrix), coverage: coverageOf(matrix),
      scored: result.scored, failures: result.failures, whiteVoid: 0, images: [],
    },
  };
}

/** The step of the sweep at a threshold. */
function stepOf(threshold: number, bins: number): number {
  const step = Math.round(threshold * bins);
  if (Math.abs(threshold * bins - step) > 1e-9 || step < 0 || step >= bins) {
    throw new UserError(
      `--threshold ${threshold} is not one of the thresholds 0, 1/${bins}, 2/${bins}, ...`,
      'change their number with --thresholds, for instance 1000 for thresholds with three decimals',
    );
  }
  return step;
}

async function findMaps(folder: string, items: readonly DataItem[]): Promise<Map<string, string>> {
  const index = new FolderIndex();
  const found = new Map<string, string>();
  for (const { id } of items) {
    for (const ending of DUMP_ENDINGS) {
      const path = found.has(id) ? undefined : await index.find(join(folder, id + ending));
      if (path !== undefined) found.set(id, path);
    }
  }
  return found;
}

/** The result for JSON: the curve, the chosen threshold and its scores. */
export function mapsJson({ result, evaluation, threshold, sawMasks, missingTruths, missingMaps }: ScoredMaps): Record<string, unknown> {
  const { scored, failures, resized, aboveOne, arrays, keyBase, mismatches, curve, best } = result;
  return {
    images: { scored, missingTruths, missingMaps, failures },
    maps: { keyBase: keyBase ?? null, mismatches, arrays, resized, aboveOne },
    curve, best: { ...curve[best], sawMasks: true },
    threshold, sawMasks,
    ...evaluationJson(evaluation),
  };
}

/** The number of rows in the table of the curve. */
const ROWS = 20;

/** The result as Markdown: the curve in about 20 rows, and the scores by class at the chosen threshold. */
export function mapsMarkdown({ result, evaluation, threshold, sawMasks }: ScoredMaps): string {
  const { curve } = result;
  const every = Math.max(1, Math.round(curve.length / ROWS));
  const percent = (ratio: number): string => (100 * ratio).toFixed(2).padStart(8);
  const rows = curve.filter((_, step) => step % every === 0).map((point) => `| ${point.threshold.toFixed(3).padStart(9)} | ${percent(point.meanIou)} |`);
  return [
    '| threshold | mean IoU |', '|----------:|---------:|', ...rows, '',
    `At threshold ${Number(threshold.toFixed(6))}${sawMasks ? ', the best one (chosen with these masks)' : ''}:`, '',
    evaluationMarkdown(evaluation, 'error'),
  ].join('\n');
}

/** The scores by class as CSV. */
export const mapsCsv = ({ evaluation }: ScoredMaps): string => evaluationCsv(evaluation);

/** Notes about the maps, one line each. */
export function mapsNotes({ result, missingTruths, missingMaps }: ScoredMaps): string[] {
  const { failures, resized, aboveOne, arrays, keyBase, mismatches, scored } = result;
  return [
    ...failures.map(({ id, message }) => `failed ${id}: ${message}`),
    ...keyBase === undefined ? [] : [`class indices begin at ${keyBase}${arrays.length === 0 ? '' : `; maps are read from '${arrays.join('\', \'')}'`}`],
    ...keyBase === undefined && scored > 0 ? ['the maps have no classes: every pixel is background'] : [],
    ...mismatches.length === 0 ? [] : [`the keys of ${mismatches.length} of ${scored} images do not match their classes: ${few(mismatches)}`],
    ...resized === 0 ? [] : [`the maps of ${resized} images were resized to the size of their masks (bilinear)`],
    ...aboveOne === 0 ? [] : [`the maps of ${aboveOne} images have values above 1; --map-norm max divides each map by its maximum`],
    ...missingMaps.length === 0 ? [] : [`left out, without maps (${missingMaps.length}): ${few(missingMaps)}`],
    ...missingTruths.length === 0 ? [] : [`left out, without ground truth (${missingTruths.length}): ${few(missingTruths)}`],
  ];
}
