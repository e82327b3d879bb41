import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { ClassifierGraph } from '../../classifier/classifier.js';
import { ofMode } from '../../settings/train.js';
import type { TrainConfig } from '../../settings/train.js';
import { UserError } from '../../errors.js';
import type { Progress } from '../../jobs/progress.js';
import { resolveLayer } from '../../classifier/layers.js';
import type { OnnxModel } from '../../onnx/model.js';
import { writeModel } from '../../onnx/file/write.js';
import type { EpochResult } from '../checkpoint.js';
import { fineTune } from '../fine-tune.js';
import type { FineTuneSettings } from '../fine-tune.js';
import { buildClassifier, LOGITS } from '../graphs.js';
import { trainableParameters } from '../parameters.js';
import type { Backbone } from './backbone.js';
import { classifierMetadata } from './backbone.js';
import type { TrainingData } from './data.js';
import { trainHead, validateClassifier } from './head.js';
import type { Validation } from './head.js';
import type { TrainListener } from './listener.js';
import { bestOf, requireWorkFolder } from './work-folder.js';
import type { Kept } from './work-folder.js';

/** Options of {@link trainFull}. */
export interface FullOptions extends TrainListener {
  /** The folder for checkpoints, log and curves. */
  readonly folder: string;
  /** Continue from the checkpoint of an earlier run. */
  readonly resume: boolean;
  /** Once aborted, fine-tuning stops after the current update, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** The result of {@link trainFull}. */
export interface FullResult {
  readonly model: OnnxModel;
  readonly logits: string;
  readonly epochs: readonly EpochResult[];
  /** The epoch that the weights are from. */
  readonly epoch: number;
  /** The scores of these weights on the validation list, if this run computed them. */
  readonly validation: Validation | undefined;
  readonly interrupted: boolean;
  readonly failures: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Trains the whole network, or the part after a layer. A classifier of the same classes keeps its head. Any other backbone gets a
 * new head, which is fitted to its features first or starts with zeros.
 */
export async function trainFull(
  backbone: Backbone, data: TrainingData, validation: TrainingData | undefined, given: TrainConfig, options: FullOptions,
): Promise<FullResult> {
  const { folder, resume, signal, ...listener } = options;
  const config = ofMode(given, 'full');
  if (config.keep === 'best' && validation === undefined) throw new UserError('--keep best needs a validation list', 'pass one: --val-split LIST');
  await requireWorkFolder(folder, resolve(config.backbone ?? ''), resume);
  const { crop, batchSize } = config;
  const coarsest = Math.max(...backbone.network.layers.map(({ stride }) => stride));
  if (crop < coarsest) {
    throw new UserError(`--crop ${crop} is smaller than a cell of the deepest feature map, which is ${coarsest} pixels wide`, `use at least ${coarsest}; 224 is usual`);
  }
  if (data.labels.size < batchSize) throw new UserError(`${data.labels.size} photographs do not fill a batch of ${batchSize}`, 'use more photographs, or a smaller --batch-size');
  const start = await startingModel(backbone, data, config, listener);
  const classifier = new ClassifierGraph(start.model, start.logits, [crop, crop]);
  const from = config.trainFrom === undefined ? undefined : resolveLayer(classifier.layers, config.trainFrom);
  const parameters = trainableParameters(classifier, from);
  const settings = settingsOf(config);

  let bar: Progress | undefined;
  let best: Kept<Validation> | undefined;
  let latest: Validation | undefined;
  listener.onFineTuning?.(true);
  try {
    listener.onMessage?.(`training ${parameters.length} tensors on ${data.labels.size} images; checkpoints and curves in ${folder}`);
    const result = await fineTune({
      classifier, normalisation: backbone.spec, parameters, settings, folder, resume,
      samples: [...data.labels].map(([path, labels]) => ({ path, labels })),
      identity: {
        backbone: backbone.hash, outputStride: config.outputStride, layer: config.layer, trainFrom: config.trainFrom, initHead: config.initHead,
        headBias: config.headBias, images: data.labels.size,
      },
      threads: config.threads ?? availableParallelism(), workers: config.workers, runtime: config, checkpointEvery: config.checkpointEvery,
      validate: validation && (async (model) => {
        bar?.stop();
        latest = await validateClassifier(model, start.logits, backbone, validation, config, listener);
        return latest.mean;
      }),
      signal,
      onStart: (done, total) => {
        if (done > 0) listener.onMessage?.(`continuing at step ${done} of ${total}`);
        bar = listener.onWork?.(total, 'steps', done);
      },
      onStep: (done, loss, rate) => bar?.advance(done, `loss ${loss.toFixed(4)}, rate ${rate.toPrecision(2)}`),
      onEpoch: async ({ epoch, loss, map }, model, isBest) => {
        bar?.stop();
        listener.onMessage?.(`epoch ${epoch}/${config.epochs}: loss ${loss.toFixed(4)}${map === undefined ? '' : `, mAP ${map.toFixed(4)}${isBest ? ' (best)' : ''}`}`);
        if (isBest) best = { model, epoch, validation: latest };
        const annotated = { ...model, metadata: classifierMetadata(backbone, data.classes, start.logits) };
        await writeModel(join(folder, 'last.onnx'), annotated);
        if (isBest) await writeModel(join(folder, 'best.onnx'), annotated);
      },
    });
    const kept = config.keep === 'best' && !result.interrupted
      ? await bestOf(result.epochs, best, folder)
      : { model: result.model, epoch: result.epochs.length, validation: latest };
    return {
      model: { ...kept.model, metadata: classifierMetadata(backbone, data.classes, start.logits) }, logits: start.logits, epoch: kept.epoch,
      validation: kept.validation, epochs: result.epochs, interrupted: result.interrupted, failures: [...start.failures, ...result.failures],
    };
  } finally {
    bar?.stop();
    listener.onFineTuning?.(false);
  }
}

async function startingModel(backbone: Backbone, data: TrainingData, config: TrainConfig, listener: TrainListener) {
  const { network, layer } = backbone;
  if (backbone.isClassifier) return { model: network.model, logits: network.target, failures: [] };
  if (config.initHead === 'fit' && config.headBias) {
    const { model, failures } = await trainHead(backbone, data, config, listener);
    return { model, logits: LOGITS, failures };
  }
  const classes = data.classes.classes.length;
  const head = { weights: new Float32Array(layer.channels * classes), bias: config.headBias ? new Float32Array(classes) : undefined };
  return { model: buildClassifier(network, layer, head, classifierMetadata(backbone, data.classes)), logits: LOGITS, failures: [] };
}

function settingsOf(config: ReturnType<typeof ofMode>): FineTuneSettings {
  const { epochs, batchSize, accumulate, rate, warmUp, decay, momentum, weightDecay, headRate, average, sampler, seed } = config;
  const { crop, resize, aspect, flip, jitter, erase } = config;
  return {
    epochs, batchSize, accumulate, schedule: { rate, warmUp, decay }, optimiser: config.optimiser, momentum, weightDecay, headRate, average,
    sampler, seed,
    augmentation: {
      crop, resize, aspect, flip, jitter: { brightness: jitter, contrast: jitter, saturation: jitter },
      ...(erase > 0 && { erase: { probability: erase, area: [0.02, 0.33] as const } }),
    },
  };
}
