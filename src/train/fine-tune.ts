import { join } from 'node:path';
import type { ClassifierGraph } from '../classifier/classifier.js';
import { UserError } from '../errors.js';
import type { Normalisation } from '../image/normalise.js';
import { fingerprint } from '../jobs/journal/journal.js';
import type { OnnxModel } from '../onnx/model.js';
import type { RuntimeChoice } from '../runtime/open.js';
import type { Augmentation } from './augment.js';
import { BatchLoader } from './batch-loader.js';
import type { Batch, TrainingSample } from './batch-loader.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { EpochResult, RunPosition } from './checkpoint.js';
import { TrainingLog } from './log.js';
import type { Parameter } from './parameters.js';
import { averageDecay, learningRate } from './schedule.js';
import type { Schedule } from './schedule.js';
import { Trainer } from './trainer.js';

/** The settings of a training run: everything that affects its result, except the network and the data. */
export interface FineTuneSettings {
  readonly epochs: number;
  /** Images per pass. */
  readonly batchSize: number;
  /** Passes per update. */
  readonly accumulate: number;
  readonly schedule: Schedule;
  readonly optimiser: 'sgd' | 'lars';
  readonly momentum: number;
  readonly weightDecay: number;
  /** The factor of the head's learning rate, relative to the rest. */
  readonly headRate: number;
  /** The decay of the moving average of the weights, 0..1; 0 for no average. */
  readonly average: number;
  readonly augmentation: Augmentation;
  readonly sampler: 'shuffle' | 'balanced';
  readonly seed: number;
}

export interface FineTuneOptions {
  readonly classifier: ClassifierGraph;
  readonly normalisation: Normalisation;
  readonly parameters: readonly Parameter[];
  readonly samples: readonly TrainingSample[];
  readonly settings: FineTuneSettings;
  /** Other values that affect the result, as JSON, e.g. the hash of the network's file. */
  readonly identity: Readonly<Record<string, unknown>>;
  /** The folder of the checkpoint, the log and its page. */
  readonly folder: string;
  /** Continue an earlier run in this folder. */
  readonly resume: boolean;
  /** Threads for a pass, see {@link Trainer}. */
  readonly threads: number;
  /** The runtime of the passes. Default: the best one of this machine. */
  readonly runtime?: RuntimeChoice;
  /** Worker threads that prepare photographs. */
  readonly workers?: number;
  /** Updates between two checkpoints. A checkpoint is also written after every epoch and on interruption. */
  readonly checkpointEvery: number;
  /** Computes the mAP of a model on the validation list, 0..1. */
  readonly validate?: (model: OnnxModel) => Promise<number>;
  /** Once aborted, training stops after the current update, with a checkpoint. */
  readonly signal?: AbortSignal;
  readonly onStart?: (done: number, total: number) => void;
  readonly onStep?: (done: number, loss: number, rate: number) => void;
  /** @param best whether its mAP is higher than that of all earlier epochs */
  readonly onEpoch?: (result: EpochResult, model: OnnxModel, best: boolean) => Promise<void>;
}

/** The result of a training run. */
export interface FineTuneResult {
  /** The model with the moving average of the weights if there is one, else with the weights. */
  readonly model: OnnxModel;
  readonly epochs: readonly EpochResult[];
  /** The number of finished passes, including those of earlier runs. */
  readonly steps: number;
  readonly interrupted: boolean;
  readonly failures: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Trains a classifier on image-level labels: multi-label binary cross-entropy, stochastic gradient descent with momentum.
 * A resumed run gives the same result as one without interruption, bit by bit if it has the same number of threads.
 *
 * @throws UserError if the loss or a weight becomes NaN or infinite, if no photograph of a batch can be read, or if the folder
 *   contains a run with other settings
 */
export async function fineTune(options: FineTuneOptions): Promise<FineTuneResult> {
  const { classifier, settings, folder } = options;
  const { batchSize, accumulate, augmentation, epochs, average } = settings;
  const trainer = await Trainer.create(classifier, options.parameters, {
    batchSize, imageSize: augmentation.crop, optimiser: settings.optimiser, momentum: settings.momentum,
    weightDecay: settings.weightDecay, headRate: settings.headRate,
    average: average > 0, threads: options.threads, runtime: options.runtime,
  });
  const loader = BatchLoader.create({
    samples: options.samples, classCount: classifier.classCount, batchSize, augmentation, normalisation: options.normalisation,
    seed: settings.seed, sampler: settings.sampler, workers: options.workers,
  });
  let log: TrainingLog | undefined;
  try {
    const perEpoch = loader.batchesPerEpoch;
    if (options.samples.length < batchSize) throw new UserError(`${options.samples.length} photographs do not fill a batch of ${batchSize}`, 'use more photographs, or a smaller --batch-size');
    const values = { ...settings, ...options.identity };
    const checkpoint = join(folder, 'checkpoint');
    let position = await startingPoint(checkpoint, trainer, fingerprint(values), options.resume);
    log = await TrainingLog.open(folder, { ...values, workers: trainer.workerCount, runtime: trainer.runtime }, position.step, position.epochs);
    const updates = Math.ceil(perEpoch / accumulate) * epochs;
    const failures = new Map<string, string>();
    const model = (): OnnxModel => trainer.model(average > 0 ? 'average' : 'weights');
    options.onStart?.(position.step, perEpoch * epochs);

    let interrupted = false;
    for (let epoch = Math.floor(position.step / perEpoch); epoch < epochs && !interrupted; epoch++) {
      let index = position.step % perEpoch;
      for await (const batch of loader.batches(epoch, index)) {
        for (const { path, reason } of batch.failures) failures.set(path, reason);
        const update = epoch * Math.ceil(perEpoch / accumulate) + Math.floor(index / accumulate);
        const rate = learningRate(settings.schedule, update, updates);
        const loss = await trainer.pass(batch.images, batch.targets);
        if (!Number.isFinite(loss)) throw diverged(loss, position.step + 1, epoch + 1, rate, batch);
        index++;
        const complete = index % accumulate === 0 || index === perEpoch;
        if (complete) await trainer.update(rate, averageDecay(average, update));
        position = { ...position, step: position.step + 1, lossSum: position.lossSum + loss };
        await log.step({ step: position.step, loss, rate });
        options.onStep?.(position.step, loss, rate);
        // Between the passes of one update, the state cannot be saved.
        interrupted = complete && options.signal?.aborted === true;
        // After an epoch, a checkpoint is written below, with the epoch's result.
        if (index < perEpoch && (interrupted || (complete && Math.floor(index / accumulate) % options.checkpointEvery === 0))) {
          // A run cannot be resumed from weights that are NaN.
          if (!trainer.isFinite()) throw lost(`step ${position.step} (epoch ${epoch + 1})`);
          await writeCheckpoint(checkpoint, position, trainer.state);
        }
        if (interrupted) break;
      }
      if (index < perEpoch) break;
      const current = model();
      if (!trainer.isFinite()) throw lost(`epoch ${epoch + 1}`);
      const map = await options.validate?.(current);
      const best = map !== undefined && position.epochs.every((earlier) => (earlier.map ?? 0) < map);
      const result: EpochResult = { epoch: epoch + 1, loss: position.lossSum / perEpoch, map };
      position = { ...position, lossSum: 0, epochs: [...position.epochs, result] };
      await log.check();
      await options.onEpoch?.(result, current, best);
      await writeCheckpoint(checkpoint, position, trainer.state);
      await log.epoch(position.epochs);
    }
    return {
      model: model(), epochs: position.epochs, steps: position.step, interrupted: position.epochs.length < epochs,
      failures: [...failures].map(([path, reason]) => ({ path, reason })),
    };
  } finally {
    await log?.close();
    await loader.close();
    await trainer.release();
  }
}

async function startingPoint(path: string, trainer: Trainer, settings: string, resume: boolean): Promise<RunPosition> {
  const known = resume ? await readCheckpoint(path, trainer.state) : undefined;
  if (known === undefined) return { settings, step: 0, lossSum: 0, epochs: [] };
  if (known.settings !== settings) throw new UserError(`${path} is from a run with other settings or data`, 'choose another --work folder, or start over with --no-resume');
  return known;
}

function lost(when: string): UserError {
  return new UserError(`the weights are not all finite after ${when}`, 'training has diverged: try a lower --rate or a longer --warm-up');
}

function diverged(loss: number, step: number, epoch: number, rate: number, batch: Batch): UserError {
  return new UserError(
    `the loss is ${loss} at step ${step} (epoch ${epoch}, learning rate ${rate.toPrecision(3)}), for the photographs ${batch.paths.slice(0, 3).join(', ')}, ...`,
    'training has diverged after the last checkpoint: try a lower --rate or a longer --warm-up, or check that the preprocessing matches the backbone',
  );
}
