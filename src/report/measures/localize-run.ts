import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Box } from '../../datasets/boxes/box-truth.js';
import { FolderIndex } from '../../datasets/folder-index.js';
import { idOfPath, readLines } from '../../datasets/text-lines.js';
import { messageOf, UserError } from '../../errors.js';
import { explainIssues } from '../../formats/yaml/issues.js';
import { photoWithId } from '../../localize/items.js';
import { boxAt, readRecord, RECORD_FOLDER } from '../../localize/record.js';
import { scoredImage } from '../../localize/score.js';
import type { LocalizeScores } from '../../localize/score.js';
import { readRecordFile, recordOf } from '../run/record.js';
import type { RunRecord } from '../run/record.js';

// Everything that a report knows of the files of `localize`.

const score = z.object({ value: z.number(), low: z.number().optional(), high: z.number().optional() });

const schema = z.object({
  images: z.object({ tune: z.number(), score: z.number() }),
  cases: z.number(), sawBoxes: z.boolean(), threshold: z.number(),
  gtKnown: score, loc1: score, loc5: score, top1: score, top5: score, boxAccuracyV2: score,
  thresholdsV2: z.array(z.number()), maxBoxAcc: z.number(), maxBoxAccV2: z.number(),
  run: z.looseObject({
    settings: z.looseObject({ thresholds: z.number(), images: z.string().optional(), scoreOn: z.string().optional() }),
    classNames: z.record(z.string(), z.string()).optional(),
  }),
});

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
  const value = await readRecordFile(path, 'localize');
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new UserError(`${path} is not the result of localize: ${explainIssues(parsed.error, schema, value)}`, 'run the same localize command again to write it');
  const { run, ...scores } = parsed.data;
  const { thresholds: steps, images = photographs ?? '', scoreOn } = run.settings;
  const remarks: string[] = [];
  const measured = (await readdir(join(folder, RECORD_FOLDER))).filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length)).sort();
  const wanted = scoreOn === undefined ? undefined : await idsIn(scoreOn, remarks);
  const ids = measured.filter((id) => wanted?.has(id) !== false);
  if (ids.length === 0) throw new UserError(`${join(folder, RECORD_FOLDER)} has no record of a scored image`, 'run the same localize command again');
  if (ids.length !== scores.images.score) {
    remarks.push(`The scores are of ${scores.images.score} images, but ${ids.length} records were found: curves and the gallery show those.`);
  }
  const index = new FolderIndex();
  return {
    folder, record: recordOf(run), variants: [{ name: 'boxes', scores }], steps, ids, remarks,
    nameOf: (logit) => run.classNames?.[logit] ?? `class ${logit}`,
    photoOf: (id) => photoWithId(id, photographs ?? images, index),
  };
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
  const record = await readRecord(folder, id);
  const chosen = variants.map(({ scores: { threshold } }) => Math.round(threshold * steps));
  const boxOf = (logit: number, v: number): Box | undefined => {
    const box = boxAt(record.maps.find((map) => map.logit === logit)!.boxes, chosen[v]);
    return box[2] < box[0] ? undefined : box;
  };
  const { cases } = scoredImage(record, steps);
  const likely = record.maps.find(({ rank }) => rank === 0);
  return {
    image: {
      id, size: record.size,
      classes: record.truths.map(({ logit, rank, boxes }, i) => ({
        logit, rank, boxes, found: variants.map((_, v) => ({ box: boxOf(logit, v), iou: cases[i].largest[chosen[v]] })),
      })),
      likely: likely && { logit: likely.logit, boxes: variants.map((_, v) => boxOf(likely.logit, v)) },
    },
    sweeps: cases.map(({ largest, best }) => variants.map(() => ({ largest, best }))),
  };
}
