import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Box } from '../../datasets/boxes/box-truth.js';
import { FolderIndex } from '../../datasets/folder-index.js';
import { idOfPath, readLines } from '../../datasets/text-lines.js';
import { messageOf, UserError } from '../../errors.js';
import { explainIssues } from '../../formats/yaml/issues.js';
import { scoredImage } from '../../localize/image-scores.js';
import { photoWithId } from '../../localize/items.js';
import { boxAt, readRecord, RECORD_FOLDER } from '../../localize/record.js';
import type { LocalizeScores } from '../../localize/score.js';
import { readRecordFile, recordOf } from '../run/record.js';
import type { RunRecord } from '../run/record.js';

// Everything that a report knows of the files of `localize`.

const value = { value: z.number(), low: z.number().optional(), high: z.number().optional() };
const score = z.object({ ...value, difference: z.object(value).optional() });

/** The scores of a variant. */
const scores = {
  threshold: z.number(), gtKnown: score, loc1: score, loc5: score, top1: score, top5: score, boxAccuracyV2: score,
  thresholdsV2: z.array(z.number()), maxBoxAcc: z.number(), maxBoxAccV2: z.number(), pxap: score.extend({ cases: z.number() }).optional(),
};

const common = {
  images: z.object({ tune: z.number(), score: z.number() }), cases: z.number(), sawBoxes: z.boolean(),
  run: z.looseObject({
    settings: z.looseObject({ thresholds: z.number(), images: z.string().optional(), scoreOn: z.string().optional() }),
    classNames: z.record(z.string(), z.string()).optional(),
  }),
};

/** The file of a run with one variant has its scores, that of several has a list. */
const single = z.object({ ...common, ...scores });
const several = z.object({ ...common, variants: z.array(z.object({ name: z.string(), ...scores })).min(1) });

/** The maps that were scored. */
export interface LocalizeVariant {
  readonly name: string;
  readonly scores: LocalizeScores;
}

/** A folder written by `localize`. */
export interface LocalizeRun {
  readonly folder: string;
  readonly record: RunRecord;
  /** At least one. */
  readonly variants: readonly LocalizeVariant[];
  /** The number of thresholds. */
  readonly steps: number;
  /** The ids of the scored images. */
  readonly ids: readonly string[];
  readonly nameOf: (logit: number) => string;
  readonly photoOf: (id: string) => Promise<string | undefined>;
  /** What could not be found, as sentences for the report. */
  readonly remarks: readonly string[];
}

/** The true boxes of a class, and what was found. */
export interface LocalizedClass {
  readonly logit: number;
  /** How many classes are more likely. */
  readonly rank: number;
  readonly boxes: readonly Box[];
  /** By variant: the box at its threshold, and the box's IoU. A map that is zero everywhere has no box. */
  readonly found: readonly { readonly box?: Box; readonly iou: number }[];
}

/** The IoUs of a class's boxes at all thresholds, [steps]: of the largest contour, and the best of any contour. */
export interface ClassSweep {
  readonly largest: Float64Array;
  readonly best: Float64Array;
}

/** The results of an image. */
export interface LocalizedImage {
  readonly id: string;
  /** [height, width] of the photograph. */
  readonly size: readonly [number, number];
  readonly classes: readonly LocalizedClass[];
  /** The most likely class and its box of each variant, if its map was made. */
  readonly likely?: { readonly logit: number; readonly boxes: readonly (Box | undefined)[] };
}

/**
 * Opens the results of `localize`.
 *
 * @param photographs the folder of the photographs; default: that of the run
 * @throws UserError if there are none, or if they cannot be read
 */
export async function openLocalizeRun(folder: string, photographs?: string): Promise<LocalizeRun> {
  const path = join(folder, 'localize.json');
  const { run, variants } = contentOf(await readRecordFile(path, 'localize'), path);
  const { thresholds: steps, images = photographs ?? '', scoreOn } = run.settings;
  const remarks: string[] = [];
  const measured = (await readdir(join(folder, RECORD_FOLDER))).filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length)).sort();
  const wanted = scoreOn === undefined ? undefined : await idsIn(scoreOn, remarks);
  const ids = measured.filter((id) => wanted?.has(id) !== false);
  if (ids.length === 0) throw new UserError(`${join(folder, RECORD_FOLDER)} has no record of a scored image`, 'run the same localize command again');
  const { images: { score: scored } } = variants[0].scores;
  if (ids.length !== scored) {
    remarks.push(`The scores are of ${scored} images, but ${ids.length} records were found: curves and the gallery show those.`);
  }
  const index = new FolderIndex();
  return {
    folder, record: recordOf(run), variants, steps, ids, remarks,
    nameOf: (logit) => run.classNames?.[logit] ?? `class ${logit}`,
    photoOf: (id) => photoWithId(id, photographs ?? images, index),
  };
}

/** @throws UserError if a value is not the content of localize.json */
function contentOf(content: unknown, path: string): Pick<LocalizeRun, 'variants'> & { readonly run: z.infer<typeof single>['run'] } {
  const refuse = (error: z.ZodError, schema: z.ZodType): UserError => (
    new UserError(`${path} is not the result of localize: ${explainIssues(error, schema, content)}`, 'run the same localize command again to write it'));
  if (typeof content === 'object' && content !== null && 'variants' in content) {
    const { data, error } = several.safeParse(content);
    if (data === undefined) throw refuse(error, several);
    const { run, variants, ...shared } = data;
    return { run, variants: variants.map(({ name, ...own }) => ({ name, scores: { ...shared, ...own } })) };
  }
  const { data, error } = single.safeParse(content);
  if (data === undefined) throw refuse(error, single);
  const { run, ...own } = data;
  return { run, variants: [{ name: 'boxes', scores: own }] };
}

async function idsIn(list: string, remarks: string[]): Promise<ReadonlySet<string> | undefined> {
  try {
    return new Set((await readLines(list)).map(({ words: [name] }) => idOfPath(name)));
  } catch (error) {
    remarks.push(`The list of the scored images cannot be read, so all measured images are shown. (${messageOf(error)})`);
    return undefined;
  }
}

/**
 * The results of an image.
 *
 * @returns also the sweep of each class in each variant, [classes][variants]
 * @throws UserError if its record cannot be read
 */
export async function readLocalizedImage(
  { folder, variants, steps }: LocalizeRun, id: string,
): Promise<{ image: LocalizedImage; sweeps: ClassSweep[][] }> {
  const record = await readRecord(folder, id, variants.length);
  const chosen = variants.map(({ scores: { threshold } }) => Math.round(threshold * steps));
  const boxOf = (logit: number, v: number): Box | undefined => {
    const box = boxAt(record.maps.find((map) => map.logit === logit)!.boxes[v], chosen[v]);
    return box[2] < box[0] ? undefined : box;
  };
  const scoredOf = variants.map((_, v) => scoredImage(record, v, steps).cases);
  const likely = record.maps.find(({ rank }) => rank === 0);
  return {
    image: {
      id, size: record.size,
      classes: record.truths.map(({ logit, rank, boxes }, i) => ({
        logit, rank, boxes, found: variants.map((_, v) => ({ box: boxOf(logit, v), iou: scoredOf[v][i].largest[chosen[v]] })),
      })),
      likely: likely && { logit: likely.logit, boxes: variants.map((_, v) => boxOf(likely.logit, v)) },
    },
    sweeps: record.truths.map((_, i) => scoredOf.map((cases) => cases[i])),
  };
}
