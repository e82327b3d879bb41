import { z } from 'zod';
import { inputSizeText } from '../image/settings.js';
import { runtimeSettings, workerCount } from '../runtime/settings.js';
import { setting } from '../setting.js';
import { UserError } from '../errors.js';
import { parseNames } from '../text/lists.js';
import { devkitSettings, labelSourceSettings, labelsText, parseLabels } from '../voc/settings.js';

const share = z.number().min(0).max(1);
const pixels = z.number().int().positive();
const count = pixels;

const furtherList = z.strictObject({
  vocRoot: z.string().optional(),
  split: z.string(),
  labels: labelsText.optional(),
  labelFile: z.string().optional(),
});

const input = 'Input';
const validation = 'Validation';
const network = 'Network';
const head = 'Views and head';
const full = 'Training all layers (--mode full)';
const images = 'Training images (--mode full)';
const running = 'Running';

const { labels, labelFile, difficult } = labelSourceSettings;

/** Every setting of `train` that a configuration file may hold. */
export const trainSchema = z.strictObject({
  mode: setting(z.enum(['head', 'full']).default('head'), { group: network, value: 'mode', help: 'head: fit a head, the backbone stays as it is; full: train all layers' }),
  backbone: setting(z.string().optional(), { group: network, value: 'file', help: 'an ONNX model with a feature tensor, or a classifier to train further' }),
  layer: setting(z.string().optional(), {
    group: network, value: 'layer', help: 'the feature tensor to pool: a stride like /32 or a tensor\'s name', otherwise: 'the deepest that everything passes through',
  }),
  outputStride: setting(count.optional(), {
    group: network, value: 's', help: 'first give the last stages this stride, with dilated convolutions: 16 or 8', otherwise: 'as it is',
  }),
  out: setting(z.string().optional(), { group: 'Output', value: 'file', help: 'the classifier to write' }),
  vocRoot: devkitSettings.vocRoot,
  split: setting(z.union([z.string(), z.array(z.string()).min(1)]).optional(), {
    group: input, value: 'name|file,...', parse: parseNames,
    help: 'official splits (train, val, trainval), or paths of lists of ids or image paths; several separated by commas',
  }),
  labels, labelFile, difficult,
  alsoTrainOn: setting(z.array(furtherList).default([]), {
    group: input, flag: '--also', value: 'root,split,labels', help: 'a further list, with its own devkit or labels; may be repeated',
  }),
  valSplit: setting(z.string().optional(), { group: validation, value: 'name|file', help: 'report average precision on this split' }),
  valLabels: setting(labelsText.optional(), {
    group: validation, value: 'source', help: 'its labels', otherwise: 'as --labels; a list with the labels list is its own label file', parse: parseLabels,
  }),
  inputSizes: setting(z.array(inputSizeText).min(1).default(['short:320']), {
    group: head, value: 'size,...', help: 'sizes at the network, each a view of the image; the first is that of the validation',
  }),
  flip: setting(z.boolean().default(true), { group: head, help: 'also take mirror images', off: 'do not take mirror images as well' }),
  folds: setting(z.number().int().min(2).default(5), { group: head, value: 'n', help: 'parts of the cross-validation that chooses the regularisation' }),
  seed: setting(z.number().int().min(0).default(0), { group: running, value: 'n', help: 'for everything that is left to chance' }),
  cache: setting(z.string().optional(), { group: running, value: 'folder', help: 'where features are kept', otherwise: 'voc-seeds in the user\'s cache folder' }),
  ...runtimeSettings,
  workers: setting(workerCount.clone(), {
    group: running, value: 'n', help: 'worker threads', otherwise: 'one per processor, one beside an accelerator; one for every two that prepare training images',
  }),
  threads: setting(workerCount.clone(), {
    group: running, value: 'n', help: 'threads of the training itself, each with a part of the batch', otherwise: 'one per processor',
  }),
  trainFrom: setting(z.string().optional(), { group: full, value: 'layer', help: 'train only what lies above this layer', otherwise: 'everything' }),
  initHead: setting(z.enum(['fit', 'zero']).default('fit'), {
    group: full, value: 'how', help: 'the head to start with: fit it to the features, or zeros; a VOC classifier keeps its own',
  }),
  headBias: setting(z.boolean().default(true), { group: full, help: 'a new head with bias', off: 'a new head without bias (starts with zeros)' }),
  epochs: setting(count.default(10), { group: full, value: 'n', help: 'passes over the images' }),
  batchSize: setting(count.default(16), { group: full, value: 'n', help: 'images per pass' }),
  accumulate: setting(count.default(1), { group: full, value: 'n', help: 'passes per update of the weights' }),
  optimiser: setting(z.enum(['sgd', 'lars']).default('sgd'), {
    group: full, value: 'name', help: 'sgd: one learning rate for all weights; lars: relative to the size of each tensor',
  }),
  rate: setting(z.number().positive().default(0.0002), { group: full, value: 'r', help: 'the highest learning rate; for lars try 0.00003' }),
  headRate: setting(z.number().positive().default(10), { group: full, value: 'x', help: 'the head\'s learning rate is that of the rest times this' }),
  warmUp: setting(share.default(0.05), { group: full, value: 'share', help: 'the share of the run over which the rate grows, 0..1' }),
  decay: setting(z.enum(['poly', 'cosine', 'constant']).default('poly'), { group: full, value: 'form', help: 'how the rate falls: poly is (1 - t)^0.9' }),
  momentum: setting(share.default(0.9), { group: full, value: 'm', help: 'of stochastic gradient descent' }),
  weightDecay: setting(z.number().min(0).default(1e-4), { group: full, value: 'd', help: 'on kernels and matrices' }),
  average: setting(share.default(0.99), {
    group: full, value: 'd', help: 'keep the moving average of the weights, of which this much stays at an update; 0 takes the weights',
  }),
  sampler: setting(z.enum(['shuffle', 'balanced']).default('shuffle'), {
    group: full, value: 'how', help: 'shuffle: every image once an epoch; balanced: every class equally often',
  }),
  crop: setting(pixels.default(224), { group: images, value: 'pixels', help: 'the side of a training image' }),
  resize: setting(z.tuple([pixels, pixels]).refine(([least, greatest]) => least <= greatest, 'the smaller size must come first').default([224, 320]), {
    group: images, value: 'min,max', help: 'the short side before cropping is drawn from this range', parse: parsePair,
  }),
  aspect: setting(z.number().min(1).default(1), { group: images, value: 'f', help: 'the ratio of the sides changes by up to this factor' }),
  jitter: setting(share.default(0.3), { group: images, value: 'x', help: 'brightness, contrast and saturation change by up to this share' }),
  erase: setting(share.default(0), { group: images, value: 'p', help: 'blank a rectangle of an image with this probability' }),
  keep: setting(z.enum(['last', 'best']).default('last'), {
    group: full, value: 'which', help: 'the weights to write: of the last epoch, or of the best on the validation list',
  }),
  work: setting(z.string().optional(), { group: full, value: 'folder', help: 'for checkpoints, log.jsonl and training.html', otherwise: 'OUT.training' }),
  checkpointEvery: setting(count.default(200), { group: full, value: 'n', help: 'updates between two checkpoints; there is also one after every epoch' }),
});

export type TrainConfig = z.infer<typeof trainSchema>;

/** The settings of `train` as a user writes them: what is left out has its default. */
export type TrainSettings = z.input<typeof trainSchema>;

/** Parses two numbers of pixels, or one for both. */
function parsePair(text: string): [number, number] {
  const match = /^([1-9]\d*)(?:,([1-9]\d*))?$/.exec(text);
  if (match === null) throw new UserError('Expected two numbers of pixels, for example 224,320.');
  return [Number(match[1]), Number(match[2] ?? match[1])];
}
