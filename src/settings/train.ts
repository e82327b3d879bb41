import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { inputSizeText } from '../image/settings.js';
import { runtimeSettings, workerCount } from '../runtime/settings.js';
import { flagOf, infoOf, setting } from '../setting.js';
import { UserError } from '../errors.js';
import { parseNames } from '../text/lists.js';
import { dataText, devkitSettings, labelSourceSettings, labelsText, parseLabels, shareSettings } from '../datasets/settings.js';

const share = z.number().min(0).max(1);
const pixels = z.number().int().positive();
const count = pixels;

const furtherList = z.strictObject({
  data: dataText.optional(),
  vocRoot: z.string().optional(),
  split: z.string(),
  labels: labelsText.optional(),
  labelFile: z.string().optional(),
});

const input = 'Input';
const validation = 'Validation';
const network = 'Network';
const head = 'Views and head';
const full = 'Training layers (--mode full and segment)';
const segment = 'Students (--mode segment)';
const images = 'Training images (--mode full)';
const running = 'Running';

const { labels, labelFile, difficult } = labelSourceSettings;

type Mode = 'head' | 'full' | 'segment';

/** What a setting needs that has an effect in some modes only. */
function inModes(...modes: Mode[]): (settings: { mode: Mode }) => string | undefined {
  return ({ mode }) => (modes.includes(mode) ? undefined : `--mode ${modes.join(' or ')}`);
}

const classifiers = inModes('head', 'full');
const layers = inModes('full', 'segment');
const fullOnly = inModes('full');
const studentsOnly = inModes('segment');

/** Every setting of `train` that a settings file may contain. */
export const trainSchema = z.strictObject({
  mode: setting(z.enum(['head', 'full', 'segment']).default('head'), {
    group: network, value: 'mode', help: 'head: fit a head and keep the backbone; full: train all layers; segment: train a segmentation student on seeds',
  }),
  backbone: setting(z.string().optional(), { group: network, value: 'file', help: 'ONNX model with a feature tensor, or a classifier to train further', otherwise: 'none; with --mode segment, the bundled classifier' }),
  layer: setting(z.string().optional(), {
    group: network, value: 'layer', help: 'feature tensor to pool: a stride like /32 or a tensor\'s name', otherwise: 'the deepest that all paths pass through', needs: classifiers,
  }),
  outputStride: setting(count.optional(), {
    group: network, value: 's', help: 'first change the stride of the last stages to 16 or 8, with dilated convolutions', otherwise: 'unchanged',
  }),
  out: setting(z.string().optional(), { group: 'Output', value: 'file', help: 'ONNX file to write' }),
  classSet: devkitSettings.classSet,
  data: devkitSettings.data,
  vocRoot: devkitSettings.vocRoot,
  split: setting(z.union([z.string(), z.array(z.string()).min(1)]).optional(), {
    group: input, value: 'name|file,...', parse: parseNames,
    help: 'splits of the data set (train, val, trainval, train2017) or paths of lists of ids or image paths, separated by commas', otherwise: 'all for folder and list',
  }),
  ...shareSettings,
  labels, labelFile, difficult,
  alsoTrainOn: setting(z.array(furtherList).default([]), {
    group: input, flag: '--also', value: 'root,split,labels', help: 'another list, with its own data set or labels; may be repeated',
  }),
  valSplit: setting(z.string().optional(), { group: validation, value: 'name|file', help: 'report average precision on this split; with --mode segment, the IoU' }),
  valLabels: setting(labelsText.optional(), {
    group: validation, value: 'source', help: 'labels of --val-split', otherwise: 'as --labels; with list, the validation list is the label file', parse: parseLabels,
  }),
  inputSizes: setting(z.array(inputSizeText).min(1).default(['short:320']), {
    group: head, value: 'size,...', help: 'input sizes of the network, each a view of the image; validation uses the first', needs: classifiers,
  }),
  flip: setting(z.boolean().default(true), { group: head, help: 'also use mirror images', off: 'do not use mirror images' }),
  folds: setting(z.number().int().min(2).default(5), { group: head, value: 'n', help: 'folds of the cross-validation that chooses the regularisation', needs: classifiers }),
  seed: setting(z.number().int().min(0).default(0), { group: running, value: 'n', help: 'seed of the random numbers' }),
  cache: setting(z.string().optional(), { group: running, value: 'folder', help: 'folder for cached features', otherwise: 'voc-seeds in the user\'s cache folder' }),
  ...runtimeSettings,
  workers: setting(workerCount.clone(), {
    group: running, value: 'n', help: 'worker threads', otherwise: 'one per processor, one with an accelerator; one per two processors to prepare training images',
  }),
  threads: setting(workerCount.clone(), {
    group: running, value: 'n', help: 'training threads, each with a part of the batch', otherwise: 'one per processor',
  }),
  trainFrom: setting(z.string().optional(), { group: full, value: 'layer', help: 'train only the layers above this one', otherwise: 'all layers; with --mode segment, the last blocks', needs: layers }),
  initHead: setting(z.enum(['fit', 'zero']).default('fit'), {
    group: full, value: 'how', help: 'initial head: fitted to the features, or zeros; a VOC classifier keeps its own', needs: fullOnly,
  }),
  headBias: setting(z.boolean().default(true), { group: full, help: 'use a bias in a new head', off: 'use no bias in a new head, which then starts with zeros', needs: fullOnly }),
  epochs: setting(count.optional(), { group: full, value: 'n', help: 'passes over the images', otherwise: '10; with --mode segment, 6', needs: layers }),
  batchSize: setting(count.optional(), { group: full, value: 'n', help: 'images per batch', otherwise: '16; with --mode segment, 8', needs: layers }),
  accumulate: setting(count.default(1), { group: full, value: 'n', help: 'batches per update of the weights', needs: layers }),
  optimiser: setting(z.enum(['sgd', 'lars', 'adamw']).optional(), {
    group: full, value: 'name', help: 'sgd: one learning rate for all weights; lars: one per tensor, relative to its norm; adamw: one per weight',
    otherwise: 'sgd; with --mode segment, adamw', needs: layers,
  }),
  rate: setting(z.number().positive().optional(), {
    group: full, value: 'r', help: 'highest learning rate; with lars, try 0.00003', otherwise: '0.0002; with --mode segment, 0.002', needs: layers,
  }),
  headRate: setting(z.number().positive().default(10), { group: full, value: 'x', help: 'learning rate of the head, as a multiple of --rate', needs: fullOnly }),
  warmUp: setting(share.default(0.05), { group: full, value: 'share', help: 'share of the run during which the rate grows, 0..1', needs: layers }),
  decay: setting(z.enum(['poly', 'cosine', 'constant']).default('poly'), { group: full, value: 'form', help: 'how the rate falls; poly: (1 - t)^0.9', needs: layers }),
  momentum: setting(share.default(0.9), { group: full, value: 'm', help: 'momentum; with adamw, the decay of the mean gradient', needs: layers }),
  weightDecay: setting(z.number().min(0).default(1e-4), { group: full, value: 'd', help: 'weight decay of kernels and matrices', needs: layers }),
  average: setting(share.optional(), {
    group: full, value: 'd', help: 'decay of the moving average of the weights that is written; 0: no average', otherwise: '0.99; with --mode segment, 0', needs: layers,
  }),
  sampler: setting(z.enum(['shuffle', 'balanced']).default('shuffle'), {
    group: full, value: 'how', help: 'shuffle: every image once per epoch; balanced: every class equally often, images without a class once', needs: fullOnly,
  }),
  crop: setting(pixels.default(224), { group: images, value: 'pixels', help: 'width and height of training images', needs: fullOnly }),
  resize: setting(z.tuple([pixels, pixels]).refine(([least, greatest]) => least <= greatest, 'the smaller size must come first').default([224, 320]), {
    group: images, value: 'min,max', help: 'range of the short side before cropping, chosen at random', parse: parsePair, needs: fullOnly,
  }),
  aspect: setting(z.number().min(1).default(1), { group: images, value: 'f', help: 'change the aspect ratio by up to this factor', needs: fullOnly }),
  jitter: setting(share.default(0.3), { group: images, value: 'x', help: 'change brightness, contrast and saturation by up to this share', needs: fullOnly }),
  erase: setting(share.default(0), { group: images, value: 'p', help: 'blank a rectangle of an image with this probability', needs: fullOnly }),
  keep: setting(z.enum(['last', 'best']).default('last'), {
    group: full, value: 'which', help: 'weights to write: of the last epoch, or of the best one on the validation list', needs: layers,
  }),
  seeds: setting(z.string().optional(), {
    group: segment, value: 'folder', help: 'seeds to train on: a folder that generate wrote, or one of label masks <id>.png; 255 is ignored', needs: studentsOnly,
  }),
  topRate: setting(z.number().positive().default(0.0002), { group: segment, value: 'r', help: 'highest learning rate of the layers of the backbone that are trained', needs: studentsOnly }),
  viewSize: setting(z.tuple([pixels, pixels]).default([320, 448]), {
    group: segment, value: 'short,long', help: 'short and long side of the photographs, which are stretched to it', parse: parsePair, needs: studentsOnly,
  }),
  work: setting(z.string().optional(), { group: full, value: 'folder', help: 'folder for checkpoints, log.jsonl and training.html', otherwise: 'OUT.training', needs: layers }),
  checkpointEvery: setting(count.default(200), { group: full, value: 'n', help: 'updates between checkpoints; there is also one after every epoch', needs: layers }),
});

export type TrainConfig = z.infer<typeof trainSchema>;

/**
 * Checks that settings have an effect in a mode.
 *
 * @param given the settings that were given, by their names
 * @throws UserError if some have none; it names their flags
 */
export function refuseIdle(mode: Mode, given: Readonly<Record<string, unknown>>): void {
  const idle = Object.entries(trainSchema.shape).flatMap(([name, schema]) => {
    if (given[name] === undefined) return [];
    const needs = infoOf(schema)?.needs?.({ mode } as never);
    return needs?.startsWith('--mode') === true ? [{ flag: flagOf(name, schema), needs }] : [];
  });
  if (idle.length === 0) return;
  const flags = idle.map(({ flag }) => flag);
  throw new UserError(
    `${flags.join(', ')} ${flags.length === 1 ? 'has' : 'have'} no effect with --mode ${mode}`,
    `leave ${flags.length === 1 ? 'it' : 'them'} out, or choose another mode: ${idle.map(({ flag, needs }) => `${flag} needs ${needs}`).join(', ')}`,
  );
}

/** The settings that differ from their defaults. */
export function changedSettings(settings: TrainSettings): Record<string, unknown> {
  const [own, defaults] = [trainSchema.parse(settings), trainSchema.parse({})] as Record<string, unknown>[];
  return Object.fromEntries(Object.entries(own).filter(([name, value]) => !isDeepStrictEqual(value, defaults[name])));
}

/** Settings whose defaults depend on the mode. */
const defaults = {
  full: { epochs: 10, batchSize: 16, optimiser: 'sgd', rate: 0.0002, average: 0.99 },
  segment: { epochs: 6, batchSize: 8, optimiser: 'adamw', rate: 0.002, average: 0 },
} as const;

type ByMode = 'epochs' | 'batchSize' | 'optimiser' | 'rate' | 'average';

/** The settings with the defaults of a mode. */
export function ofMode(config: TrainConfig, mode: keyof typeof defaults): TrainConfig & Required<Pick<TrainConfig, ByMode>> {
  const { epochs, batchSize, optimiser, rate, average } = defaults[mode];
  return {
    ...config, epochs: config.epochs ?? epochs, batchSize: config.batchSize ?? batchSize, optimiser: config.optimiser ?? optimiser,
    rate: config.rate ?? rate, average: config.average ?? average,
  };
}

/** The settings of `train` as a user writes them; those left out have their defaults. */
export type TrainSettings = z.input<typeof trainSchema>;

/** Parses `224,320`, or one number for both. */
function parsePair(text: string): [number, number] {
  const match = /^([1-9]\d*)(?:,([1-9]\d*))?$/.exec(text);
  if (match === null) throw new UserError('Expected two numbers of pixels, for example 224,320.');
  return [Number(match[1]), Number(match[2] ?? match[1])];
}
