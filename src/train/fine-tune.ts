import type { ClassifierGraph } from '../classifier/classifier.js';
import { UserError } from '../errors.js';
import type { Normalisation } from '../image/normalise.js';
import type { OnnxModel } from '../onnx/model.js';
import type { RuntimeChoice } from '../runtime/open.js';
import type { Augmentation } from './augment.js';
import { BatchLoader } from './batch-loader.js';
import type { TrainingSample } from './batch-loader.js';
import type { Parameter } from './parameters.js';
import { Trainer } from './trainer.js';
import { runTraining } from './training-loop.js';
import type { LoopOptions, LoopResult, LoopSettings } from './training-loop.js';
import type { Optimiser } from './update.js';

/** The settings of a training run: everything that affects its result, except the network and the data. */
export interface FineTuneSettings extends LoopSettings {
  /** Images per pass. */
  readonly batchSize: number;
  readonly optimiser: Optimiser;
  readonly momentum: number;
  readonly weightDecay: number;
  /** The factor of the head's learning rate, relative to the rest. */
  readonly headRate: number;
  readonly augmentation: Augmentation;
  readonly sampler: 'shuffle' | 'balanced';
  readonly seed: number;
}

export interface FineTuneOptions extends Omit<LoopOptions, 'validate'> {
  /** Computes the mAP of a model on the validation list, 0..1. */
  readonly validate?: (model: OnnxModel) => Promise<number>;
  readonly classifier: ClassifierGraph;
  readonly normalisation: Normalisation;
  readonly parameters: readonly Parameter[];
  readonly samples: readonly TrainingSample[];
  readonly settings: FineTuneSettings;
  /** Other values that affect the result, as JSON, e.g. the hash of the network's file. */
  readonly identity: Readonly<Record<string, unknown>>;
  /** Threads for a pass, see {@link Trainer}. */
  readonly threads: number;
  /** The runtime of the passes. Default: the best one of this machine. */
  readonly runtime?: RuntimeChoice;
  /** Worker threads that prepare photographs. */
  readonly workers?: number;
}

export type FineTuneResult = LoopResult;

/**
 * Trains a classifier on image-level labels: multi-label binary cross-entropy, stochastic gradient descent with momentum.
 * A resumed run gives the same result as one without interruption, bit by bit if it has the same number of threads.
 *
 * @throws UserError if the loss or a weight becomes NaN or infinite, if no photograph of a batch can be read, or if the folder
 *   contains a run with other settings
 */
export async function fineTune(options: FineTuneOptions): Promise<FineTuneResult> {
  const { classifier, settings, validate, ...loop } = options;
  const { batchSize, augmentation, average } = settings;
  const trainer = await Trainer.create(classifier, options.parameters, {
    batchSize, imageSize: augmentation.crop, optimiser: settings.optimiser, momentum: settings.momentum,
    weightDecay: settings.weightDecay, headRate: settings.headRate,
    average: average > 0, threads: options.threads, runtime: options.runtime,
  });
  const loader = BatchLoader.create({
    samples: options.samples, classCount: classifier.classCount, batchSize, augmentation, normalisation: options.normalisation,
    seed: settings.seed, sampler: settings.sampler, workers: options.workers,
  });
  try {
    if (options.samples.length < batchSize) throw new UserError(`${options.samples.length} photographs do not fill a batch of ${batchSize}`, 'use more photographs, or a smaller --batch-size');
    const identity = { ...settings, ...options.identity };
    return await runTraining(trainer, loader, ({ images, targets }) => trainer.pass(images, targets), settings, identity, {
      ...loop, validate: validate && (async (model) => ({ map: await validate(model) })),
    });
  } finally {
    await loader.close();
    await trainer.release();
  }
}
