import { createHash } from 'node:crypto';
import { availableParallelism, homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { ClassSet } from '../../datasets/classes/class-set.js';
import { naming, requireFlag, UserError } from '../../errors.js';
import { makeFolder } from '../../jobs/files/atomic.js';
import { hashFile } from '../../jobs/files/hash.js';
import { removeLeftovers } from '../../jobs/files/temporary.js';
import { refuseInputFile } from '../../jobs/journal/own-folder.js';
import type { Progress } from '../../jobs/progress.js';
import { dilate } from '../../classifier/dilate/dilate.js';
import { networkNotes } from '../../classifier/notes.js';
import { NetworkGraph } from '../../classifier/network.js';
import type { ModelSpec } from '../../classifier/spec.js';
import { mergeSpecs, MODEL_SPEC_KEY, requireSpec, specSources } from '../../classifier/spec.js';
import { readModel } from '../../onnx/file/read.js';
import { writeModel } from '../../onnx/file/write.js';
import type { OnnxModel } from '../../onnx/model.js';
import { storeHalf } from '../../onnx/rewrite/half.js';
import { defaultModelPath } from '../../package.js';
import { openRuntime } from '../../runtime/open.js';
import { ofMode, trainSchema } from '../../settings/train.js';
import type { Size } from '../../size.js';
import { hashOfIds, STUDENT_KEY, STUDENT_LOGITS } from '../../student/spec.js';
import type { StudentSpec } from '../../student/spec.js';
import type { EpochResult } from '../checkpoint.js';
import { reasonLines } from '../reasons.js';
import { StudentBatches } from '../segment/batches.js';
import { buildStudent, studentParameters } from '../segment/decoder.js';
import { measureDeviations } from '../segment/deviations.js';
import { prepareSamples } from '../segment/features.js';
import type { StudentSample } from '../segment/features.js';
import { cachedTensors, segmentBatches } from '../segment/pass.js';
import { stagesOf } from '../segment/stages.js';
import { CELL } from '../segment/targets.js';
import { validateStudent } from '../segment/validate.js';
import type { StudentScores } from '../segment/validate.js';
import { Trainer } from '../trainer.js';
import { runTraining } from '../training-loop.js';
import { openLists, requireReadable } from './data.js';
import type { TrainingData } from './data.js';
import { reportProgress } from './listener.js';
import { findSeeds } from './seeds.js';
import { absentClasses, outcome } from './train-classifier.js';
import type { TrainOptions } from './train-classifier.js';
import { bestOf, requireWorkFolder } from './work-folder.js';
import type { Kept } from './work-folder.js';

type Config = ReturnType<typeof ofMode>;
type Spec = Pick<ModelSpec, 'channelOrder' | 'scale' | 'mean' | 'std'>;

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
  const out = requireFlag(config.out, '--out', 'student.onnx');
  const path = config.backbone ?? defaultModelPath();
  const seedFolder = requireFlag(config.seeds, '--seeds', 'out/voc');
  const work = config.work ?? `${out}.training`;
  const { training, validation, data } = await openLists(config, { maskDir, ids, limit, rgbMasks }, listener);
  if (config.keep === 'best' && validation === undefined) throw new UserError('--keep best needs a validation list', 'pass one: --val-split LIST');
  const seeds = await findSeeds(seedFolder, training);
  await refuseInputFile(out, '--out', [path, ...inputs, ...data.flatMap(({ files }) => files)], [seeds.folder, ...data.flatMap(({ folders }) => folders)]);
  if (validation !== undefined) {
    requireTruth(validation);
    await requireReadable(validation, 'the validation list');
  }
  await requireWorkFolder(work, resolve(path), resume);
  const backbone = await openStudentBackbone(path, config, given, listener.onMessage);
  const { network, spec, hash } = backbone;
  const { laterals, frozen } = naming(path, () => stagesOf(network, config.trainFrom));
  const [short, long] = viewOf(config, laterals[laterals.length - 1].stride);
  listener.onMessage?.(`decoder on ${laterals.map(({ name, stride }) => `${name} (/${stride})`).join(', ')}; layers up to ${frozen.name} stay as they are`);
  await makeFolder(dirname(resolve(out)));
  await removeLeftovers(dirname(resolve(out)), basename(out));
  const runtime = await openRuntime(config);
  listener.onMessage?.(`runtime: ${runtime.description}`);
  const absent = absentClasses(training);
  if (absent.length > 0) listener.onMessage?.(`note: no training photograph contains ${absent.join(', ')}: the student cannot recognise them`);
  const begin = performance.now();

  const deviations = await reportProgress(listener, 'photographs measured', (callbacks) => measureDeviations(network, laterals, seeds.photos.map((photo) => photo.path), {
    normalisation: spec, inputSizes: [{ kind: 'short', pixels: short }], workers: config.workers, runtime: config, ...callbacks,
  }));
  const labels = training.classes.labelCount;
  const start = buildStudent(network, laterals.map((layer, i) => ({ layer, deviation: deviations[i] })), labels, config.seed, new Map());
  const sizes: readonly [Size, Size] = [[short, long], [long, short]];
  const students = sizes.map((size) => new NetworkGraph(start, STUDENT_LOGITS, size));
  const [landscape, upright] = students.map((student, i) => cachedTensors(student, frozen.name, sizes[i]));
  const view = { short, long };
  const prepared = await reportProgress(listener, 'photographs', (callbacks) => prepareSamples(seeds.photos, {
    model: start, input: network.input.name, hash, tensors: [landscape, upright], view, flip: config.flip, normalisation: spec,
    classes: training.classes, cache: config.cache ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'voc-seeds'),
    workers: config.workers, runtime: config, signal, ...callbacks,
  }));
  if (signal?.aborted === true) return undefined;
  const failures = [...seeds.failures, ...prepared.failures];
  const { samples } = prepared;
  if (samples.length < config.batchSize) {
    throw new UserError([`only ${samples.length} photographs can be used, which do not fill a batch of ${config.batchSize}`, ...reasonLines(failures)].join('\n'), 'use more photographs, or a smaller --batch-size');
  }
  listener.onMessage?.(`features of ${samples.length} photographs in ${prepared.folder}${prepared.cached === 0 ? '' : `, ${prepared.cached} from an earlier run`}`);

  const metadata = metadataOf(spec, training, {
    kind: 'segmentation', ...view,
    training: {
      lists: listsOf(config), images: samples.length, ids: hashOfIds(samples.map((sample) => training.items.get(sample.path)!.id)),
      seeds: seeds.folder, ...seeds.settings !== undefined && { seedSettings: seeds.settings }, epochs: config.epochs, seed: config.seed, network: hash,
    },
  });
  const parameters = studentParameters(students[0], frozen);
  const trainer = await Trainer.of(students[0].model, parameters, students.map((student, i) => (
    segmentBatches(student, parameters, i === 0 ? landscape : upright, labels, [sizes[i][0] / CELL, sizes[i][1] / CELL]))), {
    batchSize: config.batchSize, threads: config.threads ?? availableParallelism(), runtime: config, optimiser: config.optimiser,
    momentum: config.momentum, weightDecay: config.weightDecay, headRate: 1, restRate: config.topRate / config.rate, average: config.average > 0,
  });
  const scored = validation && [...validation.labels].map(([photo, own]) => ({ path: photo, own: own.map((label) => label + 1), truth: validation.items.get(photo)!.truth! }));
  const score = async (model: OnnxModel): Promise<StudentScores> => reportProgress(listener, 'images of the validation list', (callbacks) => validateStudent(model, scored!, {
    input: network.input.name, view, normalisation: spec, classes: training.classes, rgbMasks, workers: config.workers, runtime: config, ...callbacks,
  }));
  let bar: Progress | undefined;
  let best: Kept<StudentScores> | undefined;
  let latest: StudentScores | undefined;
  listener.onFineTuning?.(true);
  try {
    const weights = parameters.reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b), 0);
    listener.onMessage?.(`training ${(weights / 1e6).toFixed(2)} million weights on ${samples.length} photographs; checkpoints and curves in ${work}`);
    const batches = new StudentBatches(samples, { batchSize: config.batchSize, seed: config.seed, flip: config.flip, tensors: [landscape, upright], widths: [long, short], labels });
    const { epochs, batchSize, accumulate, rate, topRate, warmUp, decay, optimiser, momentum, weightDecay, average, seed, flip } = config;
    const result = await runTraining(trainer, batches, (batch) => trainer.passOf(batch.kind, batch.values), { epochs, accumulate, schedule: { rate, warmUp, decay }, average }, {
      mode: 'segment', epochs, batchSize, accumulate, schedule: { rate, warmUp, decay }, topRate, optimiser, momentum, weightDecay, average, seed, flip,
      viewSize: [short, long], backbone: hash, layers: laterals.map(({ name }) => name), frozen: frozen.name, images: samples.length, seeds: hashOf(samples),
    }, {
      folder: work, resume, checkpointEvery: config.checkpointEvery, signal,
      validate: validation && (async (model) => {
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
        listener.onMessage?.(`epoch ${epoch}/${epochs}: loss ${loss.toFixed(4)}${iou === undefined ? '' : `, mIoU ${iou.toFixed(4)}${isBest ? ' (best)' : ''}`}`);
        if (isBest) best = { model, epoch, validation: latest };
        await writeModel(join(work, 'last.onnx'), { ...model, metadata });
        if (isBest) await writeModel(join(work, 'best.onnx'), { ...model, metadata });
      },
    });
    if (result.interrupted) return undefined;
    const kept = config.keep === 'best' ? await bestOf(result.epochs, best, work) : { model: result.model, epoch: result.epochs.length, validation: latest };
    const model = { ...kept.model, metadata };
    await writeModel(out, store === 'float16' ? storeHalf(model) : model);
    const scores = scored && (kept.validation ?? await score(model));
    const known = new Set(samples.map((sample) => sample.path));
    return {
      listed: data.reduce((sum, lists) => sum + lists.listed, 0),
      report: {
        out, mode: 'segment', runtime: runtime.description, images: samples.length, seeds: seeds.folder, layers: laterals.map(({ name }) => name),
        frozen: frozen.name, absent, epochs: result.epochs, epoch: kept.epoch, work, seconds: Number(((performance.now() - begin) / 1000).toFixed(1)),
        ...scores && { validation: {
          split: config.valSplit, images: scores.images, iou: scores.meanIou,
          perLabel: Object.fromEntries(scores.perLabel.map((value, label) => [training.classes.nameOf(label), value])),
          trainedOn: scored!.filter((photo) => known.has(photo.path)).length,
        } },
        ...outcome(training, validation, [...failures, ...scores?.failures ?? []]),
      },
    };
  } finally {
    bar?.stop();
    listener.onFineTuning?.(false);
    await trainer.release();
  }
}

interface StudentBackbone {
  readonly network: NetworkGraph;
  readonly spec: Spec;
  /** SHA-256 of the file. */
  readonly hash: string;
}

/** @throws UserError if it cannot be read, works at one size only, or its preprocessing is unknown */
async function openStudentBackbone(path: string, config: Config, given: Partial<ModelSpec>, onMessage?: (text: string) => void): Promise<StudentBackbone> {
  const model = await readModel(path);
  const spec = requireSpec(mergeSpecs(await specSources(model, path, given)), path, ['channelOrder', 'scale', 'mean', 'std']);
  const whole = naming(path, () => new NetworkGraph(model, spec.logits ?? model.graph.outputs[0]?.name ?? '', spec.inputSize));
  for (const note of networkNotes(path, whole)) onMessage?.(`note: ${note}`);
  if (whole.input.fixedSize !== undefined) {
    throw new UserError(`${path} works at ${whole.input.fixedSize.join('x')} pixels only, but a student sees photographs of both orientations`, 'export the network with a free image size');
  }
  const network = config.outputStride === undefined ? whole : new NetworkGraph(dilate(whole, config.outputStride), whole.target);
  return { network, spec, hash: `${await hashFile(path)}${config.outputStride === undefined ? '' : ` stride ${config.outputStride}`}` };
}

/** @throws UserError if a side is not a multiple of the deepest stride, or the sides are in the wrong order */
function viewOf({ viewSize: [short, long] }: Config, stride: number): readonly [number, number] {
  const step = Math.max(stride, CELL);
  if (short > long) throw new UserError(`--view-size ${short},${long} has the long side first`, `write --view-size ${long},${short}`);
  const odd = [short, long].find((side) => side % step !== 0);
  if (odd !== undefined) throw new UserError(`--view-size ${short},${long}: ${odd} is not a multiple of ${step}, the stride of the deepest feature map`, `use ${Math.max(1, Math.round(odd / step)) * step}`);
  return [short, long];
}

/** @throws UserError if an image of the validation list has no place for its ground truth */
function requireTruth({ items }: TrainingData): void {
  const without = [...items.values()].find(({ truth }) => truth === undefined);
  if (without !== undefined) throw new UserError(`the validation list has no ground truth for ${without.id}`, 'pass the folder of its masks with --mask-dir, or leave out --val-split');
}

function metadataOf({ channelOrder, scale, mean, std }: Spec, { classes }: { readonly classes: ClassSet }, student: StudentSpec): ReadonlyMap<string, string> {
  return new Map([
    [MODEL_SPEC_KEY, JSON.stringify({ logits: STUDENT_LOGITS, channelOrder, scale, mean, std, classes: classes.classes })],
    [STUDENT_KEY, JSON.stringify(student)],
  ]);
}

function listsOf({ data, vocRoot, split, alsoTrainOn }: Config): string[] {
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
