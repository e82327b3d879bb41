import type { TrainConfig } from '../../settings/train.js';
import { UserError } from '../../errors.js';
import { parseInputSize } from '../../image/input-size.js';
import type { AveragePrecisions } from '../../metrics/average-precision.js';
import { meanAveragePrecision } from '../../metrics/average-precision.js';
import type { OnnxModel } from '../../onnx/model.js';
import { openRuntime } from '../../runtime/open.js';
import { cacheFolder } from '../cache-folder.js';
import { extractFeatures } from '../features.js';
import type { FeatureOptions, FeatureTable } from '../features.js';
import { buildClassifier } from '../graphs.js';
import { fitHead } from '../head.js';
import type { FittedHead } from '../head.js';
import { applyHead } from '../logistic.js';
import type { LinearHead } from '../logistic.js';
import { reasonLines } from '../reasons.js';
import { computeVectors } from '../vectors.js';
import type { Backbone } from './backbone.js';
import { classifierMetadata } from './backbone.js';
import type { TrainingData } from './data.js';
import type { TrainListener } from './listener.js';
import { reportProgress } from './listener.js';

/** A classifier that consists of an unchanged backbone and a head fitted to its features. */
export interface HeadResult {
  readonly model: OnnxModel;
  readonly fitted: FittedHead;
  readonly images: number;
  readonly views: number;
  readonly failures: FeatureTable['failures'];
}

/** Fits a head to a backbone's features, which are computed or read from the cache. */
export async function trainHead(backbone: Backbone, data: TrainingData, config: TrainConfig, listener: TrainListener = {}): Promise<HeadResult> {
  const { network, layer } = backbone;
  const table = await reportProgress(listener, 'images', (callbacks) => (
    featuresOf(backbone, data, config, { inputSizes: inputSizes(backbone, config), flip: config.flip, ...callbacks })));
  if (table.failures.length > 0 && table.paths.length < config.folds) {
    throw tooFew(table, '', table.paths.length === 0 ? '' : `, too few for a cross-validation in ${config.folds} parts`);
  }
  const { runtime } = await openRuntime(config);
  const folds = listener.onWork?.(config.folds, 'folds of the cross-validation');
  const fitted = await fitHead(table, table.paths.map((file) => data.labels.get(file)!), data.classes.classes.length, runtime, {
    seed: config.seed, folds: config.folds, threads: config.threads ?? config.workers ?? 0,
    onFold: (ended) => { folds?.advance(ended); },
  }).finally(() => { folds?.stop(); });
  for (const trial of fitted.trials) listener.onMessage?.(`l2 ${trial.l2}: mAP ${trial.map.toFixed(4)} in cross-validation`);
  return {
    model: buildClassifier(network, layer, fitted.head, classifierMetadata(backbone, data.classes)), fitted,
    images: table.paths.length, views: table.views, failures: table.failures,
  };
}

function featuresOf(
  { network, layer, hash, spec }: Backbone, data: TrainingData, config: TrainConfig, views: Pick<FeatureOptions, 'inputSizes' | 'flip' | 'onStart' | 'onProgress'>,
): Promise<FeatureTable> {
  return extractFeatures([...data.labels.keys()], {
    backbone: network, backboneHash: `${hash}${config.outputStride ?? ''}`, layer, normalisation: spec, workers: config.workers, runtime: config,
    cache: config.cache ?? cacheFolder(), ...views,
  });
}

/** The average precision of a classifier on a list. */
export interface Validation extends AveragePrecisions {
  readonly images: number;
  readonly failures: readonly { readonly path: string; readonly reason: string }[];
}

/** Like {@link validateClassifier}, for a backbone with a fitted head. Cached features are used. */
export async function validateHead(
  head: LinearHead, backbone: Backbone, data: TrainingData, config: TrainConfig, listener: TrainListener = {},
): Promise<Validation> {
  const { paths, data: features, failures } = await reportProgress(listener, 'images of the validation list', (callbacks) => (
    featuresOf(backbone, data, config, { ...validationView(backbone, config), ...callbacks })));
  if (paths.length === 0) throw tooFew({ paths, failures }, ' of the validation list');
  return validation(applyHead(head, features), paths, data, failures);
}

/** The error if none, or too few, of the photographs of a list can be used, with the reasons. */
function tooFew({ paths, failures }: Pick<FeatureTable, 'paths' | 'failures'>, list: string, consequence = ''): UserError {
  const total = paths.length + failures.length;
  const share = paths.length === 0 ? `none of the ${total}` : `only ${paths.length} of the ${total}`;
  return new UserError([`${share} photographs${list} can be used${consequence}:`, ...reasonLines(failures)].join('\n'));
}

/** Computes the average precision of a classifier on a list, with one view of each photograph at the first input size. */
export async function validateClassifier(
  model: OnnxModel, logits: string, backbone: Backbone, data: TrainingData, config: TrainConfig, listener: TrainListener = {},
): Promise<Validation> {
  const { paths, data: scores, failures } = await reportProgress(listener, 'images of the validation list', (callbacks) => computeVectors(
    model, [...data.labels.keys()], data.classes.classes.length, {
      input: backbone.network.input.name, output: logits, normalisation: backbone.spec,
      ...validationView(backbone, config), workers: config.workers, runtime: config, ...callbacks,
    },
  ));
  if (paths.length === 0) throw tooFew({ paths, failures }, ' of the validation list');
  return validation(scores, paths, data, failures);
}

function validationView(backbone: Backbone, config: TrainConfig) {
  return { inputSizes: inputSizes(backbone, config).slice(0, 1), flip: false };
}

/**
 * @param scores [photographs, classes]
 * @throws UserError if a score is not finite
 */
function validation(scores: Float32Array, paths: readonly string[], { labels, classes }: TrainingData, failures: Validation['failures']): Validation {
  if (!scores.every(Number.isFinite)) throw new UserError('the scores of the validation list are not all finite numbers', 'training has diverged: try a lower --rate');
  return { ...meanAveragePrecision(scores, paths.map((path) => labels.get(path)!), classes.classes.length), images: paths.length, failures };
}

function inputSizes({ network }: Backbone, config: TrainConfig) {
  const { fixedSize } = network.input;
  return fixedSize === undefined ? config.inputSizes.map(parseInputSize) : [{ kind: 'fixed', size: fixedSize } as const];
}
