import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chooseLayers } from '../cam/layer-choice.js';
import { requirePrototypes } from '../cam/plan.js';
import { inputSizeFor } from '../classifier/input-size.js';
import type { LoadedClassifier } from '../classifier/load.js';
import { UserError } from '../errors.js';
import { hashFile } from '../jobs/files/hash.js';
import { writeFileAtomic } from '../jobs/files/atomic.js';
import type { Journal } from '../jobs/journal/journal.js';
import { runRecordName } from '../jobs/journal/run-record.js';
import { packageVersion } from '../package.js';
import type { SeedSettings } from '../settings/cam.js';
import { VOC } from '../datasets/classes/voc.js';
import type { MaskFormat } from '../datasets/masks.js';
import type { DataItem } from '../datasets/splits.js';
import { runImageBatch } from './image-batch.js';
import type { BatchNetwork, BatchOutcome, LabelledBatchOptions, NetworkInput } from './image-batch.js';
import { labelledClasses } from './image-classes.js';
import type { NamedLogits } from './image-classes.js';
import { seedPolicies } from './policies.js';
import { startSeedPool } from './pool.js';
import { requireChannels, studentChannels, studentInput, studentNetwork, studentRecord } from './student-choice.js';
import type { StudentChoice } from './student-choice.js';
import { isWholeSeedFile, NO_CLASS, recordedFiles, SEED_FOLDER, seedFiles, seedFolders } from './seed-files.js';
import type { SeedTask, StageTimes } from './seed-worker.js';

/** Everything that {@link generateSeeds} needs. */
export interface GenerateOptions extends Omit<LabelledBatchOptions, 'classifier'> {
  /** Makes seeds of class activation maps. May only be missing with a student whose `camWeight` is 0. */
  readonly classifier?: LoadedClassifier;
  /** A student that makes the seeds instead, or together with the classifier. */
  readonly student?: StudentChoice;
  readonly settings: SeedSettings;
  /** Other settings: pixels on which their seeds differ become 255. */
  readonly agree?: readonly SeedSettings[];
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
  const { classifier, student, settings, classes = VOC, out, format } = options;
  const agree = classifier === undefined ? [] : options.agree ?? [];
  const network = networkOf(options);
  // Fails before the run starts.
  for (const own of [settings, ...agree]) {
    seedPolicies(own, classes);
    if (classifier !== undefined) requirePrototypes(chooseLayers(classifier.graph, own.layers, own.method).requests, classifier.prototypes);
  }
  const channelOf = student === undefined ? new Map<number, number>() : studentChannels(student, classes);
  const labelled = labelledClasses(network, options.labels, classes);
  const choice = { ...options, camSeeds: student !== undefined && classifier !== undefined };
  const inputs = [
    ...classifier === undefined
      ? []
      : [settings, ...agree].map((own): NetworkInput => (
          { inputSize: inputSizeFor(classifier, own), maxPixels: own.maxPixels, scales: own.scales })),
    ...student === undefined ? [] : [studentInput(student)],
  ];
  const camSettings = (own: SeedSettings): object => ({
    ...own, ...classifier && { layers: chooseLayers(classifier.graph, own.layers, own.method).names },
  });
  const seedDir = classifier === undefined ? student?.camSeeds?.path : undefined;
  const studentFile = student && await hashFile(student.student.path);
  return runImageBatch<SeedTask, StageTimes, GenerateSummary>({ ...options, classifier: network }, {
    settings: (common) => ({
      ...classifier === undefined ? policiesOf(settings) : camSettings(settings), ...common, png: format, cams: options.saveCams,
      // Left out if false, so that runs of earlier versions can be resumed.
      ...options.saveUnrefined === true && { unrefined: true },
      ...options.soft === true && { soft: true },
      ...agree.length > 0 && { agree: agree.map(camSettings) },
      ...student !== undefined && { student: studentFile, ...student.settings, ...student.camSeeds && { camSeeds: student.camSeeds } },
    }),
    classes: student === undefined ? labelled : requireChannels(labelled, channelOf, classes),
    network: inputs[0], otherNetworks: inputs.slice(1),
    folders: seedFolders(choice), otherFolders: [LIST_FOLDER], otherFiles: [listPath(options), join(out, runRecordName())],
    files: (_, entry) => recordedFiles(out, entry, choice), isWhole: isWholeSeedFile,
    startPool: (runtime, plan) => startSeedPool({ classifier, settings, agree, student, classes, format, runtime, ...plan }),
    taskOf: ({ id, imagePath }, own) => ({
      ...own, channels: student === undefined ? [] : own.labels.map((label) => channelOf.get(label)!), imagePath, files: seedFiles(out, id, choice),
      ...seedDir !== undefined && { seedPath: join(seedDir, `${id}.png`) },
    }),
    stages: ['read', 'cam', 'seeds', 'write'],
    finish: (outcome) => finish(options, outcome),
  });
}

/**
 * The network of the batch.
 *
 * @throws UserError if there is none, it makes no maps that are wanted, or both a classifier and seeds of an earlier run are given
 */
function networkOf({ classifier, student, saveCams, saveUnrefined }: GenerateOptions): BatchNetwork & NamedLogits {
  if (classifier !== undefined && student?.camSeeds !== undefined) {
    throw new UserError('seeds of an earlier run replace those of a classifier', 'give one of them');
  }
  if (classifier !== undefined) return classifier;
  if (student === undefined) throw new UserError('seeds need a classifier or a student');
  if ((student.settings.camWeight > 0 && student.camSeeds === undefined) || saveCams || saveUnrefined === true) {
    throw new UserError('class activation maps need a classifier', 'give one, or set camWeight to 0 or give seeds, and save no maps');
  }
  return studentNetwork(student);
}

/** The settings that the seeds of a student alone depend on. */
function policiesOf({ conflict, conflictMargin, rescue }: SeedSettings): object {
  return { conflict, conflictMargin, rescue };
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
    modelPath: networkOf(options).path,
    ...options.classifier?.prototypes && { prototypesPath: options.classifier.prototypes.path },
    ...options.student && { student: studentRecord(options.student, options.splitItems ?? options.items) },
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
