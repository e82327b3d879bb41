import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chooseLayers } from '../cam/layer-choice.js';
import { requirePrototypes } from '../cam/plan.js';
import { inputSizeFor } from '../classifier/input-size.js';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../jobs/files/atomic.js';
import type { Journal } from '../jobs/journal/journal.js';
import { runRecordName } from '../jobs/journal/run-record.js';
import { packageVersion } from '../package.js';
import type { SeedSettings } from '../settings/cam.js';
import { VOC } from '../datasets/classes/voc.js';
import type { MaskFormat } from '../datasets/masks.js';
import type { DataItem } from '../datasets/splits.js';
import { runImageBatch } from './image-batch.js';
import type { BatchOutcome, LabelledBatchOptions } from './image-batch.js';
import { labelledClasses } from './image-classes.js';
import { seedPolicies } from './policies.js';
import { startSeedPool } from './pool.js';
import { isWholeSeedFile, NO_CLASS, recordedFiles, SEED_FOLDER, seedFiles, seedFolders } from './seed-files.js';
import type { SeedTask, StageTimes } from './seed-worker.js';

/** Everything that {@link generateSeeds} needs. */
export interface GenerateOptions extends LabelledBatchOptions {
  readonly settings: SeedSettings;
  /** Images of the split that are not on disk. */
  readonly missing: readonly DataItem[];
  /** The name of the split; the list of written ids gets it. */
  readonly split: string;
  /** All images of the split, if `items` is only a part of it; the list contains all of them that are done. */
  readonly splitItems?: readonly DataItem[];
  readonly format: MaskFormat;
  readonly saveCams: boolean;
  /** Also write the seeds without refiners. */
  readonly saveUnrefined?: boolean;
  /** Also write the confidence of each pixel's label. */
  readonly soft?: boolean;
  /** Additional fields of run.json, such as the command. */
  readonly record?: Readonly<Record<string, unknown>>;
}

/** The result of a run; also written to run.json. */
export interface GenerateSummary {
  readonly out: string;
  readonly counts: {
    /** Images written by this run, and by earlier runs with the same settings. */
    readonly written: number;
    readonly resumed: number;
    readonly failed: number;
    readonly missing: number;
    readonly left: number;
    /** Of the images that are done, those without any class: they are all background. */
    readonly withoutClasses: number;
  };
  readonly failures: readonly { readonly id: string; readonly reason: string }[];
  /** Not of images without classes, which are only counted. */
  readonly notes: readonly { readonly id: string; readonly notes: readonly string[] }[];
  readonly missing: readonly string[];
  /** Images of earlier runs that were made again because their files were missing or damaged. */
  readonly remade: readonly string[];
  readonly interrupted: boolean;
  readonly seconds: number;
  readonly imagesPerSecond: number;
  /** The mean time of an image in each stage, in milliseconds of one worker. */
  readonly stages: StageTimes;
}

/**
 * Makes seeds for a list of photographs and writes them as VOC label PNGs. Worker threads process one image each; reading and
 * writing overlap with computing.
 *
 * If an image fails, the reason is recorded and the run continues. Files are written under a temporary name and then renamed. An
 * interrupted run can be resumed.
 *
 * @throws UserError if the run cannot start, for example if the model has none of the classes or the folder contains results of other
 * settings
 */
export async function generateSeeds(options: GenerateOptions): Promise<GenerateSummary> {
  const { classifier, settings, classes = VOC, out, format } = options;
  // Fails before the run starts.
  seedPolicies(settings, classes);
  const { names, requests } = chooseLayers(classifier.graph, settings.layers, settings.method);
  requirePrototypes(requests, classifier.prototypes);
  return runImageBatch<SeedTask, StageTimes, GenerateSummary>(options, {
    settings: (common) => ({
      ...settings, layers: names, ...common, png: format, cams: options.saveCams,
      // Left out if false, so that runs of earlier versions can be resumed.
      ...options.saveUnrefined === true && { unrefined: true },
      ...options.soft === true && { soft: true },
    }),
    classes: labelledClasses(classifier, options.labels, classes),
    network: { inputSize: inputSizeFor(classifier, settings), maxPixels: settings.maxPixels, scales: settings.scales },
    folders: seedFolders(options), otherFolders: [LIST_FOLDER], otherFiles: [listPath(options), join(out, runRecordName())],
    files: (_, entry) => recordedFiles(out, entry, options), isWhole: isWholeSeedFile,
    startPool: (runtime, plan) => startSeedPool({ classifier, settings, classes, format, runtime, ...plan }),
    taskOf: ({ id, imagePath }, own) => ({ ...own, imagePath, files: seedFiles(out, id, options) }),
    stages: ['read', 'cam', 'seeds', 'write'],
    finish: (outcome) => finish(options, outcome),
  });
}

/** Writes the list of ids and run.json. */
async function finish(options: GenerateOptions, outcome: BatchOutcome<StageTimes>): Promise<GenerateSummary> {
  const { out, shard, missing } = options;
  const { journal, runtime: { runtime, description }, plan, counts, failures, notes, remade, interrupted, seconds, stages } = outcome;
  await requireSeeds(out, outcome.items, journal);
  const own = new Set(outcome.items.map(({ id }) => id));
  const withoutClasses = journal.entries.filter(({ id, status, notes: texts }) => status === 'done' && own.has(id) && texts?.includes(NO_CLASS) === true).length;
  const summary: GenerateSummary = {
    out, counts: { written: counts.done, resumed: counts.resumed, failed: counts.failed, missing: missing.length, left: counts.left, withoutClasses },
    failures, notes: notes.filter(({ notes: texts }) => !texts.includes(NO_CLASS)), missing: missing.map(({ id }) => id), remade, interrupted,
    seconds: Number(seconds.toFixed(2)), imagesPerSecond: Number((counts.done / Math.max(seconds, 1e-3)).toFixed(2)), stages,
  };
  await writeList(options, journal);
  await writeFileAtomic(join(out, runRecordName(shard)), `${JSON.stringify({
    ...options.record,
    classSet: (options.classes ?? VOC).data,
    settings: outcome.settings,
    modelPath: options.classifier.path,
    ...options.classifier.prototypes !== undefined && { prototypesPath: options.classifier.prototypes.path },
    runtime: description,
    versions: { 'node': process.version, [runtime.name]: runtime.version, 'voc-seeds': packageVersion() },
    split: options.split, shard: shard ?? null, ...plan,
    started: outcome.started.toISOString(), finished: new Date().toISOString(),
    ...summary,
    // Also those of earlier runs that this one has resumed.
    notes: journal.entries.flatMap(({ id, status, notes: texts }) => (status === 'done' && texts ? [{ id, notes: texts }] : [])),
  }, null, 2)}\n`);
  return summary;
}

/** Where VOC loaders look for lists. */
const LIST_FOLDER = join('ImageSets', 'Segmentation');

function listPath({ out, split }: GenerateOptions): string {
  return join(out, LIST_FOLDER, `${split}.txt`);
}

/** @throws UserError if seeds were removed during the run */
async function requireSeeds(out: string, items: readonly DataItem[], journal: Journal): Promise<void> {
  const names = new Set(await readdir(join(out, SEED_FOLDER)));
  const lost = items.filter(({ id }) => journal.isDone(id) && !names.has(`${id}.png`));
  if (lost.length === 0) return;
  throw new UserError(
    `seeds were removed during the run: ${lost.length} files in ${join(out, SEED_FOLDER)}, the first is ${lost[0].id}.png`,
    'run the same command again to make them again',
  );
}

/** Writes the ids that are done, including those of other shards, in the order of the split. */
async function writeList(options: GenerateOptions, journal: Journal): Promise<void> {
  const { items, splitItems = items } = options;
  await journal.refresh();
  // If another shard ended while this one was writing, its list may have been overwritten: write again.
  do {
    const ids = splitItems.map(({ id }) => id).filter((id) => journal.isDone(id));
    await writeFileAtomic(listPath(options), ids.map((id) => `${id}\n`).join(''));
  } while (await journal.refresh());
}
