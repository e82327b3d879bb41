import { join } from 'node:path';
import { UserError } from '../errors.js';
import { fingerprint } from '../jobs/journal/journal.js';
import type { OnnxModel } from '../onnx/model.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { EpochResult, EpochScores, RunPosition } from './checkpoint.js';
import { TrainingLog } from './log.js';
import { averageDecay, learningRate } from './schedule.js';
import type { Schedule } from './schedule.js';
import type { Trainer } from './trainer.js';

/** The settings of a run that the loop needs. */
export interface LoopSettings {
  readonly epochs: number;
  /** Passes per update. */
  readonly accumulate: number;
  readonly schedule: Schedule;
  /** The decay of the moving average of the weights, 0..1; 0 for no average. */
  readonly average: number;
}

/** A photograph that was left out, and why. */
interface Failure {
  readonly path: string;
  readonly reason: string;
}

/** The batches of a run. */
export interface BatchSource<Batch> {
  readonly batchesPerEpoch: number;
  /** The batches of an epoch (from 0), in order, from one of them. */
  batches(epoch: number, fromBatch: number): AsyncIterable<Batch>;
}

/** What a training run calls and where it writes. */
export interface LoopOptions {
  /** The folder of the checkpoint, the log and its page. */
  readonly folder: string;
  /** Continue an earlier run in this folder. */
  readonly resume: boolean;
  /** Updates between two checkpoints. A checkpoint is also written after every epoch and on interruption. */
  readonly checkpointEvery: number;
  /** Scores a model on the validation list. */
  readonly validate?: (model: OnnxModel) => Promise<EpochScores>;
  /** Once aborted, training stops after the current update, with a checkpoint. */
  readonly signal?: AbortSignal;
  readonly onStart?: (done: number, total: number) => void;
  readonly onStep?: (done: number, loss: number, rate: number) => void;
  /** @param best whether its score is higher than that of all earlier epochs */
  readonly onEpoch?: (result: EpochResult, model: OnnxModel, best: boolean) => Promise<void>;
}

/** The result of a training run. */
export interface LoopResult {
  /** The model with the moving average of the weights if there is one, else with the weights. */
  readonly model: OnnxModel;
  readonly epochs: readonly EpochResult[];
  /** The number of finished passes, including those of earlier runs. */
  readonly steps: number;
  readonly interrupted: boolean;
  readonly failures: readonly Failure[];
}

/** The score of an epoch by which the best is chosen. */
export function scoreOf({ map, iou }: EpochScores): number | undefined {
  return map ?? iou;
}

/**
 * Runs the epochs of a training: passes, updates, log, checkpoints, validation.
 *
 * @param identity everything that affects the result, as JSON; a run can only be resumed with the same
 * @param source the batches; `failures` of a batch are photographs that others of it replace
 * @throws UserError if the loss or a weight becomes NaN or infinite, or if the folder contains a run with another identity
 */
export async function runTraining<Batch extends { readonly paths: readonly string[]; readonly failures: readonly Failure[] }>(
  trainer: Trainer, source: BatchSource<Batch>, pass: (batch: Batch) => Promise<number>,
  settings: LoopSettings, identity: Readonly<Record<string, unknown>>, options: LoopOptions,
): Promise<LoopResult> {
  const { folder } = options;
  const { accumulate, epochs, average } = settings;
  let log: TrainingLog | undefined;
  try {
    const perEpoch = source.batchesPerEpoch;
    const checkpoint = join(folder, 'checkpoint');
    let position = await startingPoint(checkpoint, trainer, fingerprint(identity), options.resume);
    log = await TrainingLog.open(folder, { ...identity, workers: trainer.workerCount, runtime: trainer.runtime }, position.step, position.epochs);
    const updatesPerEpoch = Math.ceil(perEpoch / accumulate);
    const updates = updatesPerEpoch * epochs;
    trainer.updates = Math.floor(position.step / perEpoch) * updatesPerEpoch + Math.floor((position.step % perEpoch) / accumulate);
    const failures = new Map<string, string>();
    const model = (): OnnxModel => trainer.model(average > 0 ? 'average' : 'weights');
    options.onStart?.(position.step, perEpoch * epochs);

    let interrupted = false;
    for (let epoch = Math.floor(position.step / perEpoch); epoch < epochs && !interrupted; epoch++) {
      let index = position.step % perEpoch;
      for await (const batch of source.batches(epoch, index)) {
        for (const { path, reason } of batch.failures) failures.set(path, reason);
        const update = epoch * Math.ceil(perEpoch / accumulate) + Math.floor(index / accumulate);
        const rate = learningRate(settings.schedule, update, updates);
        const loss = await pass(batch);
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
      const scores = await options.validate?.(current) ?? {};
      const score = scoreOf(scores);
      const best = score !== undefined && position.epochs.every((earlier) => (scoreOf(earlier) ?? 0) < score);
      const result: EpochResult = { epoch: epoch + 1, loss: position.lossSum / perEpoch, ...scores };
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

function diverged(loss: number, step: number, epoch: number, rate: number, batch: { readonly paths: readonly string[] }): UserError {
  return new UserError(
    `the loss is ${loss} at step ${step} (epoch ${epoch}, learning rate ${rate.toPrecision(3)}), for the photographs ${batch.paths.slice(0, 3).join(', ')}, ...`,
    'training has diverged after the last checkpoint: try a lower --rate or a longer --warm-up, or check that the preprocessing matches the backbone',
  );
}
