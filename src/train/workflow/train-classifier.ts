import type { ClassSet } from '../../datasets/classes/class-set.js';
import { basename, dirname, resolve } from 'node:path';
import type { ModelSpec } from '../../classifier/spec.js';
import { requireFlag, UserError } from '../../errors.js';
import { makeFolder } from '../../jobs/files/atomic.js';
import { removeLeftovers } from '../../jobs/files/temporary.js';
import { refuseInputFile } from '../../jobs/journal/own-folder.js';
import { writeModel } from '../../onnx/file/write.js';
import type { OnnxModel } from '../../onnx/model.js';
import { storeHalf } from '../../onnx/rewrite/half.js';
import { openRuntime } from '../../runtime/open.js';
import { changedSettings, refuseIdle, trainSchema } from '../../settings/train.js';
import type { TrainConfig, TrainSettings } from '../../settings/train.js';
import type { EpochResult } from '../checkpoint.js';
import { openBackbone } from './backbone.js';
import { openLists, requireReadable, requireSomeClass } from './data.js';
import type { TrainingData, TrainingDataOptions } from './data.js';
import { trainFull } from './full.js';
import { trainHead, validateClassifier, validateHead } from './head.js';
import type { Validation } from './head.js';
import type { TrainListener } from './listener.js';

/** Options of {@link trainClassifier}. */
export interface TrainOptions extends TrainingDataOptions, TrainListener {
  /** `backbone`, `out`, `vocRoot`, `split` and `labels` are required; see `docs/training.md` for all of them. */
  readonly settings: TrainSettings;
  /** Values that are not in the backbone's file, for instance its preprocessing. */
  readonly spec?: Partial<ModelSpec>;
  /** How the weights are stored. The classifier always computes in float32. Default: float32. */
  readonly store?: 'float32' | 'float16';
  /** Mode full: continue from the checkpoint of an earlier run. Default: true. */
  readonly resume?: boolean;
  /** Input files in addition to those in the settings. `out` must not be one of them. */
  readonly inputs?: readonly string[];
  /** Mode full: once aborted, fine-tuning stops after the current update, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** The report of {@link trainClassifier}. */
export interface TrainReport {
  readonly out: string;
  readonly mode: 'head' | 'full';
  /** The feature tensor that the head pools. */
  readonly layer: string;
  readonly runtime: string;
  readonly images: number;
  /** Classes that are in no training photograph. */
  readonly absent: readonly string[];
  /** Mode head: views of each image, and how the regularisation was chosen. */
  readonly views?: number;
  readonly l2?: number;
  readonly trials?: readonly { readonly l2: number; readonly map: number }[];
  /** Mode full: the result of each epoch, the epoch whose weights were kept, and the folder of checkpoints, log and curves. */
  readonly epochs?: readonly EpochResult[];
  readonly epoch?: number;
  readonly work?: string;
  readonly seconds: number;
  /** Average precision on the validation list, 0..1; NaN for a class that is not in it. */
  readonly validation?: {
    readonly split?: string;
    readonly images: number;
    readonly map: number;
    readonly perClass: Readonly<Record<string, number>>;
  };
  /** Photographs of the lists that are not on disk. */
  readonly missing: number;
  readonly listNotes?: readonly string[];
  readonly failures: readonly { readonly id: string; readonly reason: string }[];
}

/** The result of {@link trainClassifier}. */
export interface TrainResult {
  readonly report: TrainReport;
  /** The number of photographs in the lists. */
  readonly listed: number;
}

/**
 * Makes a classifier of the classes of a set (default: the 20 of VOC) from image-level labels and an ONNX backbone, and writes it to `settings.out`.
 * Mode `head` fits a head to the backbone's features. Mode `full` trains all layers, and continues an interrupted run.
 *
 * ```ts
 * const result = await trainClassifier({
 *   settings: { backbone: 'mobilenet_v1.onnx', vocRoot: 'VOCdevkit/VOC2012', split: 'train', labels: 'xml', out: 'classifier.onnx' },
 *   spec: { channelOrder: 'rgb', scale: 1 / 127.5, mean: [1, 1, 1], std: [1, 1, 1] },
 * });
 * ```
 *
 * @returns undefined if fine-tuning was aborted
 * @throws UserError if a setting is missing, something cannot be read or written, or training diverges
 */
export async function trainClassifier(options: TrainOptions): Promise<TrainResult | undefined> {
  const { settings, spec = {}, ids, limit, maskDir, rgbMasks, store, resume = true, inputs = [], signal, ...listener } = options;
  const config = trainSchema.parse(settings);
  const { mode } = config;
  if (mode === 'segment') throw new UserError('trainClassifier cannot train a student', 'call trainStudent, or choose another mode');
  refuseIdle(mode, changedSettings(settings));
  const path = requireFlag(config.backbone, '--backbone', 'mobilenet_v1.onnx');
  const out = requireFlag(config.out, '--out', 'classifier.onnx');
  const { training, validation, data } = await openLists(config, { maskDir, ids, limit, rgbMasks }, listener);
  await refuseInputFile(out, '--out', [path, ...inputs, ...data.flatMap(({ files }) => files)], data.flatMap(({ folders }) => folders));
  requireSomeClass(training, 'the training list');
  if (validation !== undefined) requireSomeClass(validation, 'the validation list');
  if (validation !== undefined) await requireReadable(validation, 'the validation list');
  const backbone = await openBackbone(path, config, spec, training.classes, listener);
  listener.onMessage?.(`features: ${backbone.layer.name}, ${backbone.layer.channels} channels at stride ${backbone.layer.stride}`);
  // Fail before the work, not after it, if the file cannot be written.
  await makeFolder(dirname(resolve(out)));
  await removeLeftovers(dirname(resolve(out)), basename(out));
  const runtime = await openRuntime(config);
  listener.onMessage?.(`runtime: ${runtime.description}`);
  const absent = absentClasses(training);
  if (absent.length > 0) listener.onMessage?.(`note: no training photograph contains ${absent.join(', ')}: the classifier cannot recognise them, and their maps mean nothing`);
  const start = performance.now();
  const seconds = (): number => Number(((performance.now() - start) / 1000).toFixed(1));
  const write = (model: OnnxModel): Promise<void> => writeModel(out, store === 'float16' ? storeHalf(model) : model);
  const common = { out, mode, layer: backbone.layer.name, runtime: runtime.description, absent };
  const listed = data.reduce((sum, lists) => sum + lists.listed, 0);
  if (mode === 'head') {
    const { model, fitted: { head, l2, trials }, images, views, failures } = await trainHead(backbone, training, config, listener);
    await write(model);
    const report = { ...common, images, views, l2, trials, seconds: seconds(), ...outcome(training, validation, failures) };
    const scores = validation && await validateHead(head, backbone, validation, config, listener);
    return { report: withScores(report, config, training.classes, scores), listed };
  }
  const work = config.work ?? `${out}.training`;
  const result = await trainFull(backbone, training, validation, config, { folder: work, resume, signal, ...listener });
  if (result.interrupted) return undefined;
  const { model, logits, epochs, epoch, failures } = result;
  await write(model);
  const report = { ...common, images: training.labels.size, epochs, epoch, work, seconds: seconds(), ...outcome(training, validation, failures) };
  const scores = validation && (result.validation ?? await validateClassifier(model, logits, backbone, validation, config, listener));
  return { report: withScores(report, config, training.classes, scores), listed };
}

export function absentClasses({ labels, classes }: TrainingData): string[] {
  const present = new Set([...labels.values()].flat());
  return classes.classes.filter((_, i) => !present.has(i));
}

export function outcome(training: TrainingData, validation: TrainingData | undefined, failures: readonly { path: string; reason: string }[]) {
  const notes = [...training.notes, ...validation?.notes ?? []];
  return {
    missing: training.missing + (validation?.missing ?? 0),
    ...notes.length > 0 && { listNotes: notes },
    failures: [...training.failures, ...validation?.failures ?? [], ...failures.map(({ path: id, reason }) => ({ id, reason }))],
  };
}

function withScores(report: TrainReport, { valSplit }: TrainConfig, classes: ClassSet, scores: Validation | undefined): TrainReport {
  if (scores === undefined) return report;
  const { images, mean, perClass, failures } = scores;
  return {
    ...report,
    validation: { split: valSplit, images, map: mean, perClass: Object.fromEntries(classes.classes.map((name, i) => [name, perClass[i]])) },
    failures: [...report.failures, ...failures.map(({ path: id, reason }) => ({ id, reason }))],
  };
}
