import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { NetworkGraph } from '../../classifier/network.js';
import { requireFlag, UserError } from '../../errors.js';
import { makeFolder } from '../../jobs/files/atomic.js';
import { removeLeftovers } from '../../jobs/files/temporary.js';
import { refuseInputFile } from '../../jobs/journal/own-folder.js';
import type { Progress } from '../../jobs/progress.js';
import { writeModel } from '../../onnx/file/write.js';
import type { OnnxModel } from '../../onnx/model.js';
import { storeHalf } from '../../onnx/rewrite/half.js';
import { sizeOf } from '../../onnx/tensor.js';
import { defaultModelPath } from '../../package.js';
import { requireGradients } from '../../runtime/device-limits.js';
import { openRuntime } from '../../runtime/open.js';
import { changedSettings, ofMode, refuseIdle, trainSchema } from '../../settings/train.js';
import type { Size } from '../../size.js';
import { hashOfIds, STUDENT_LOGITS } from '../../student/spec.js';
import type { EpochResult } from '../checkpoint.js';
import type { Parameter } from '../parameters.js';
import { cacheFolder } from '../cache-folder.js';
import { reasonLines } from '../reasons.js';
import { StudentBatches } from '../segment/batches.js';
import { buildStudent, studentParameters } from '../segment/decoder.js';
import { measureDeviations } from '../segment/deviations.js';
import { prepareSamples } from '../segment/features.js';
import type { SeededPhoto, StudentSample, StudentSamples } from '../segment/features.js';
import { cachedTensors, segmentBatches } from '../segment/pass.js';
import type { CachedTensor } from '../segment/pass.js';
import { CELL } from '../segment/targets.js';
import { validateStudent } from '../segment/validate.js';
import type { StudentScores } from '../segment/validate.js';
import { Trainer } from '../trainer.js';
import { runTraining } from '../training-loop.js';
import type { LoopResult } from '../training-loop.js';
import { openLists, requireReadable } from './data.js';
import type { RunLists, TrainingData } from './data.js';
import { reportProgress } from './listener.js';
import type { TrainListener } from './listener.js';
import { findSeeds } from './seeds.js';
import type { Seeds } from './seeds.js';
import { openStudentBackbone, studentMetadata } from './student-backbone.js';
import type { StudentBackbone } from './student-backbone.js';
import { absentClasses, outcome } from './train-classifier.js';
import type { TrainOptions } from './train-classifier.js';
import { bestOf, requireWorkFolder } from './work-folder.js';
import type { Kept } from './work-folder.js';

type Config = ReturnType<typeof ofMode>;

/** The report of {@link trainStudent}. */
export interface StudentReport {
  readonly out: string;
  readonly mode: 'segment';
  readonly runtime: string;
  /** Photographs that it was trained on. */
  readonly images: number;
  /** The folder of seeds. */
  readonly seeds: string;
  /** The feature maps that the decoder reads, and the last layer that was not trained. */
  readonly layers: readonly string[];
  readonly frozen: string;
  readonly absent: readonly string[];
  readonly epochs: readonly EpochResult[];
  /** The epoch whose weights were kept. */
  readonly epoch: number;
  /** The folder of checkpoints, log and curves. */
  readonly work: string;
  readonly seconds: number;
  /** IoU on the validation list, 0..1, with the labels of each photograph's classes; NaN for a label that is neither true nor predicted. */
  readonly validation?: {
    readonly split?: string;
    readonly images: number;
    readonly iou: number;
    readonly perLabel: Readonly<Record<string, number>>;
    /** How many of these photographs it was trained on. */
    readonly trainedOn: number;
  };
  readonly missing: number;
  readonly listNotes?: readonly string[];
  readonly failures: readonly { readonly id: string; readonly reason: string }[];
}

/**
 * Trains a segmentation student on seeds, and writes it to `settings.out`: a backbone whose lower layers stay as they are, and a decoder.
 * It continues an interrupted run. `settings.mode` must be `segment`.
 *
 * ```ts
 * const result = await trainStudent({
 *   settings: { mode: 'segment', vocRoot: 'VOCdevkit/VOC2012', split: 'train', labels: 'xml', seeds: 'out', out: 'student.onnx' },
 * });
 * ```
 *
 * @returns undefined if it was aborted
 * @throws UserError if a setting is missing, something cannot be read or written, or training diverges
 */
export async function trainStudent(options: TrainOptions): Promise<{ readonly report: StudentReport; readonly listed: number } | undefined> {
  const { settings, spec: given = {}, ids, limit, maskDir, rgbMasks, store, resume = true, inputs = [], signal, ...listener } = options;
  const config = ofMode(trainSchema.parse(settings), 'segment');
  refuseIdle('segment', changedSettings(settings));
  const out = requireFlag(config.out, '--out', 'student.onnx');
  const path = config.backbone ?? defaultModelPath();
  const seedFolder = requireFlag(config.seeds, '--seeds', 'out/voc');
  const folder = config.work ?? `${out}.training`;
  const lists = await openLists(config, { maskDir, ids, limit, rgbMasks }, listener);
  const { training, validation, data } = lists;
  if (config.keep === 'best' && validation === undefined) throw new UserError('--keep best needs a validation list', 'pass one: --val-split LIST');
  const seeds = await findSeeds(seedFolder, training);
  const folders = [seeds.folder, ...data.flatMap((list) => list.folders)];
  await refuseInputFile(out, '--out', [path, ...inputs, ...data.flatMap(({ files }) => files)], folders);
  if (validation !== undefined) {
    requireTruth(validation);
    await requireReadable(validation, 'the validation list');
  }
  await requireWorkFolder(folder, resolve(path), resume);
  const backbone = await openStudentBackbone(path, config, given, listener.onMessage);
  await makeFolder(dirname(resolve(out)));
  await removeLeftovers(dirname(resolve(out)), basename(out));
  const runtime = await openRuntime(config);
  requireGradients(runtime);
  listener.onMessage?.(`runtime: ${runtime.description}`);
  const absent = absentClasses(training);
  if (absent.length > 0) listener.onMessage?.(`note: no training photograph contains ${absent.join(', ')}: the student cannot recognise them`);

  const begin = performance.now();
  const plan = await planTraining(backbone, seeds.photos, training, config, listener);
  const prepared = await prepare(plan, backbone, seeds, training, config, { signal, ...listener });
  if (signal?.aborted === true) return undefined;
  const { samples } = prepared;
  const metadata = studentMetadata(backbone.spec, training.classes, {
    kind: 'segmentation', ...backbone.view,
    training: {
      lists: namesOf(config), images: samples.length, ids: hashOfIds(samples.map((sample) => training.items.get(sample.path)!.id)),
      seeds: seeds.folder, ...seeds.settings !== undefined && { seedSettings: seeds.settings },
      epochs: config.epochs, seed: config.seed, network: backbone.hash,
    },
  });
  const score = scorer(backbone, lists, config, { rgbMasks }, listener);
  const run = await trainOn(samples, plan, backbone, config, { ...listener, folder, resume, signal, metadata, score });
  if (run === undefined) return undefined;
  const { kept, epochs } = run;
  const model = { ...kept.model, metadata };
  await writeModel(out, store === 'float16' ? storeHalf(model) : model);
  const scores = score && (kept.validation ?? await score(model));
  const known = new Set(samples.map((sample) => sample.path));
  return {
    listed: data.reduce((sum, { listed }) => sum + listed, 0),
    report: {
      out, mode: 'segment', runtime: runtime.description, images: samples.length, seeds: seeds.folder,
      layers: backbone.stages.laterals.map(({ name }) => name), frozen: backbone.stages.frozen.name, absent, epochs, epoch: kept.epoch, work: folder,
      seconds: Number(((performance.now() - begin) / 1000).toFixed(1)),
      ...scores && { validation: {
        split: config.valSplit, images: scores.images, iou: scores.meanIou,
        perLabel: Object.fromEntries(scores.perLabel.map((value, label) => [training.classes.nameOf(label), value])),
        trainedOn: [...validation!.labels.keys()].filter((photo) => known.has(photo)).length,
      } },
      ...outcome(training, validation, [...seeds.failures, ...prepared.failures, ...scores?.failures ?? []]),
    },
  };
}

/** A student before training, and what is trained of it. */
interface TrainingPlan {
  readonly start: OnnxModel;
  readonly sizes: readonly [landscape: Size, upright: Size];
  /** The student at each size. */
  readonly students: readonly [NetworkGraph, NetworkGraph];
  readonly tensors: readonly [readonly CachedTensor[], readonly CachedTensor[]];
  readonly parameters: readonly Parameter[];
  /** The number of labels, background included. */
  readonly labels: number;
}

async function planTraining(
  { network, spec, stages: { laterals, frozen }, view: { short, long } }: StudentBackbone, photos: readonly SeededPhoto[], { classes }: TrainingData,
  config: Config, listener: TrainListener,
): Promise<TrainingPlan> {
  const paths = photos.map(({ path }) => path);
  const deviations = await reportProgress(listener, 'photographs measured', (callbacks) => measureDeviations(network, laterals, paths, {
    normalisation: spec, inputSizes: [{ kind: 'short', pixels: short }], workers: config.workers, runtime: config, ...callbacks,
  }));
  const measured = laterals.map((layer, i) => ({ layer, deviation: deviations[i] }));
  const start = buildStudent(network, measured, classes.labelCount, config.seed, new Map());
  const sizes = [[short, long], [long, short]] as const;
  const students = [new NetworkGraph(start, STUDENT_LOGITS, sizes[0]), new NetworkGraph(start, STUDENT_LOGITS, sizes[1])] as const;
  return {
    start, sizes, students, parameters: studentParameters(students[0], frozen), labels: classes.labelCount,
    tensors: [cachedTensors(students[0], frozen.name, sizes[0]), cachedTensors(students[1], frozen.name, sizes[1])],
  };
}

/** @throws UserError if too few photographs are left */
async function prepare(
  { start, tensors }: TrainingPlan, { network, spec, view, hash }: StudentBackbone, seeds: Seeds, { classes }: TrainingData, config: Config,
  { signal, ...listener }: TrainListener & Pick<TrainOptions, 'signal'>,
): Promise<StudentSamples> {
  const prepared = await reportProgress(listener, 'photographs', (callbacks) => prepareSamples(seeds.photos, {
    model: start, input: network.input.name, hash, tensors, view, flip: config.flip, normalisation: spec, classes,
    cache: config.cache ?? cacheFolder(),
    workers: config.workers, runtime: config, signal, ...callbacks,
  }));
  const { samples, cached, folder, failures } = prepared;
  if (signal?.aborted !== true && samples.length < config.batchSize) {
    const reasons = reasonLines([...seeds.failures, ...failures]);
    throw new UserError(
      [`only ${samples.length} photographs can be used, which do not fill a batch of ${config.batchSize}${reasons.length === 0 ? '' : ':'}`, ...reasons].join('\n'),
      'use more photographs, or a smaller --batch-size',
    );
  }
  listener.onMessage?.(`features of ${samples.length} photographs in ${folder}${cached === 0 ? '' : `, ${cached} from an earlier run`}`);
  return prepared;
}

type Score = (model: OnnxModel) => Promise<StudentScores>;

/** A function that scores a student on the validation list, if there is one. */
function scorer(
  { network, spec, view }: StudentBackbone, { validation }: RunLists, config: Config, { rgbMasks }: Pick<TrainOptions, 'rgbMasks'>,
  listener: TrainListener,
): Score | undefined {
  if (validation === undefined) return undefined;
  const { labels, items, classes } = validation;
  const photos = [...labels].map(([path, own]) => ({ path, own: own.map((label) => label + 1), truth: items.get(path)!.truth! }));
  return (model) => reportProgress(listener, 'images of the validation list', (callbacks) => validateStudent(model, photos, {
    input: network.input.name, view, normalisation: spec, classes, rgbMasks, workers: config.workers, runtime: config, ...callbacks,
  }));
}

interface StudentRun extends TrainListener {
  readonly folder: string;
  readonly resume: boolean;
  readonly signal: AbortSignal | undefined;
  readonly metadata: ReadonlyMap<string, string>;
  readonly score: Score | undefined;
}

/** @returns undefined if it was aborted */
async function trainOn(
  samples: readonly StudentSample[], { students, sizes, tensors, parameters, labels }: TrainingPlan, { stages, hash }: StudentBackbone,
  config: Config, { folder, resume, signal, metadata, score, ...listener }: StudentRun,
): Promise<{ readonly kept: Kept<StudentScores>; readonly epochs: LoopResult['epochs'] } | undefined> {
  const { epochs, batchSize, accumulate, rate, topRate, warmUp, decay, optimiser, momentum, weightDecay, average, seed, flip } = config;
  const kinds = students.map((student, i) => segmentBatches(student, parameters, tensors[i], labels, [sizes[i][0] / CELL, sizes[i][1] / CELL]));
  const trainer = await Trainer.of(students[0].model, parameters, kinds, {
    batchSize, threads: config.threads ?? availableParallelism(), runtime: config, optimiser, momentum, weightDecay, headRate: 1,
    restRate: topRate / rate, average: average > 0,
  });
  let bar: Progress | undefined;
  let best: Kept<StudentScores> | undefined;
  let latest: StudentScores | undefined;
  listener.onFineTuning?.(true);
  try {
    const millions = parameters.reduce((sum, { dims }) => sum + sizeOf(dims), 0) / 1e6;
    listener.onMessage?.(`training ${millions.toFixed(2)} million weights on ${samples.length} photographs; checkpoints and curves in ${folder}`);
    const batches = new StudentBatches(samples, { batchSize, seed, flip, tensors, widths: [sizes[0][1], sizes[1][1]], labels });
    const shared = { epochs, accumulate, schedule: { rate, warmUp, decay }, average };
    const result = await runTraining(trainer, batches, (batch) => trainer.passOf(batch.kind, batch.values), shared, {
      ...shared, mode: 'segment', batchSize, topRate, optimiser, momentum, weightDecay, seed, flip, viewSize: sizes[0], backbone: hash,
      layers: stages.laterals.map(({ name }) => name), frozen: stages.frozen.name, images: samples.length, seeds: hashOf(samples),
    }, {
      folder, resume, checkpointEvery: config.checkpointEvery, signal,
      validate: score && (async (model) => {
        bar?.stop();
        latest = await score(model);
        return { iou: latest.meanIou };
      }),
      onStart: (done, total) => {
        if (done > 0) listener.onMessage?.(`continuing at step ${done} of ${total}`);
        bar = listener.onWork?.(total, 'steps', done);
      },
      onStep: (done, loss, own) => bar?.advance(done, `loss ${loss.toFixed(4)}, rate ${own.toPrecision(2)}`),
      onEpoch: async ({ epoch, loss, iou }, model, isBest) => {
        bar?.stop();
        const scored = iou === undefined ? '' : `, mIoU ${iou.toFixed(4)}${isBest ? ' (best)' : ''}`;
        listener.onMessage?.(`epoch ${epoch}/${epochs}: loss ${loss.toFixed(4)}${scored}`);
        if (isBest) best = { model, epoch, validation: latest };
        await writeModel(join(folder, 'last.onnx'), { ...model, metadata });
        if (isBest) await writeModel(join(folder, 'best.onnx'), { ...model, metadata });
      },
    });
    if (result.interrupted) return undefined;
    const last = { model: result.model, epoch: result.epochs.length, validation: latest };
    return { kept: config.keep === 'best' ? await bestOf(result.epochs, best, folder) : last, epochs: result.epochs };
  } finally {
    bar?.stop();
    listener.onFineTuning?.(false);
    await trainer.release();
  }
}

/** @throws UserError if an image of the validation list has no place for its ground truth */
function requireTruth({ items }: TrainingData): void {
  const without = [...items.values()].find(({ truth }) => truth === undefined);
  if (without === undefined) return;
  throw new UserError(`the validation list has no ground truth for ${without.id}`, 'pass the folder of its masks with --mask-dir, or leave out --val-split');
}

/** The names of the training lists. */
function namesOf({ data, vocRoot, split, alsoTrainOn }: Config): string[] {
  const main = data ?? `voc:${vocRoot}`;
  return [
    ...(split === undefined ? [main] : [split].flat().map((name) => `${main} ${name}`)),
    ...alsoTrainOn.map((list) => `${list.data ?? (list.vocRoot === undefined ? main : `voc:${list.vocRoot}`)} ${list.split}`),
  ];
}

/** A hash of what is trained on: the photographs and the labels of their seeds. */
function hashOf(samples: readonly StudentSample[]): string {
  const hash = createHash('sha256');
  for (const { path, counts } of samples) hash.update(`${path}\0${counts.labels.join()}\0`).update(counts.counts);
  return hash.digest('hex').slice(0, 16);
}
