import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { progressBar } from '../../jobs/progress.js';
import { watchInterrupt } from '../../jobs/stop/interrupt.js';
import type { InterruptWatch } from '../../jobs/stop/interrupt.js';
import { loadConfig } from '../../settings/load.js';
import { trainSchema } from '../../settings/train.js';
import type { AlsoTrainOn } from '../../train/workflow/data.js';
import { trainClassifier } from '../../train/workflow/train-classifier.js';
import type { TrainReport } from '../../train/workflow/train-classifier.js';
import { parseAlso } from '../options/also-option.js';
import { parseNames } from '../options/cam-options.js';
import { choice } from '../options/choice.js';
import { showDefaults } from '../options/default-help.js';
import { addDevkitOptions, addLabelOptions, addMaskOptions, addStrictOption, describeMissing, parseCount, parseWorkers, parseLabelSpec } from '../options/devkit-options.js';
import type { DevkitFlags, LabelFlags, LabelSpec, MaskFlags, StrictFlags } from '../options/devkit-options.js';
import { EXIT } from '../exit-codes.js';
import type { CommandRegistrar } from '../command.js';
import { addModelOptions, parseNumber, specOfFlags } from '../options/model-options.js';
import type { ModelFlags } from '../options/model-options.js';
import { addRuntimeOptions } from '../options/runtime-options.js';
import type { RuntimeFlags } from '../options/runtime-options.js';

interface TrainFlags extends Omit<DevkitFlags, 'split'>, StrictFlags, LabelFlags, MaskFlags, ModelFlags, RuntimeFlags, FullFlags {
  config?: string;
  mode?: string;
  backbone?: string;
  layer?: string;
  outputStride?: number;
  split?: string[];
  also?: AlsoTrainOn[];
  valSplit?: string;
  valLabels?: LabelSpec;
  out?: string;
  inputSizes?: string[];
  flip?: boolean;
  folds?: number;
  seed?: number;
  store: 'float32' | 'float16';
  cache?: string;
  workers?: number;
  threads?: number;
  printConfig?: boolean;
  json?: boolean;
}

/** The flags of {@link addFullOptions}. */
interface FullFlags {
  trainFrom?: string;
  initHead?: string;
  headBias?: boolean;
  epochs?: number;
  batchSize?: number;
  accumulate?: number;
  optimiser?: string;
  rate?: number;
  headRate?: number;
  warmUp?: number;
  decay?: string;
  momentum?: number;
  weightDecay?: number;
  average?: number;
  sampler?: string;
  crop?: number;
  resize?: [number, number];
  aspect?: number;
  jitter?: number;
  erase?: number;
  checkpointEvery?: number;
  keep?: string;
  work?: string;
  resume: boolean;
}

const examples = `
Examples:
  # A VOC classifier from an ImageNet model: its features stay as they are, a 20-class head is fitted to them
  voc-seeds train --mode head --backbone mobilenet_v1.onnx --preprocess tensorflow \\
    --voc-root VOCdevkit/VOC2012 --split train --labels xml --val-split val --val-labels masks --out classifier.onnx

  # Every layer: fits a head first, then trains all weights; an interrupted run goes on where it was
  voc-seeds train --mode full --backbone mobilenet_v1.onnx --preprocess tensorflow --epochs 12 \\
    --voc-root VOCdevkit/VOC2012 --split train_aug --labels npy:cls_labels.npy --out classifier.onnx

  # Lists that name images and classes are split and labels in one; several of them, and a second devkit
  voc-seeds train --backbone mobilenet_v1.onnx --preprocess tensorflow --voc-root VOCdevkit/VOC2012 \\
    --split mine.txt,more.txt --labels list --also VOCdevkit/VOC2007,trainval,xml --out classifier.onnx

Features for the head are computed once and kept in the cache: a second run with the same images and sizes only fits the head.
Exit codes: 0 done, 1 wrong usage or nothing could be done, 2 done but some photographs failed (with --strict: or are
missing), 130 interrupted.
`;

/** `voc-seeds train` */
export const registerTrain: CommandRegistrar = (program, done) => {
  const command = program.command('train').description('Make a classifier of the 20 VOC classes from image-level labels and any ONNX backbone.')
    .addOption(choice('--mode <mode>', 'head: fit a head, the backbone stays as it is; full: train all layers', ['head', 'full']))
    .option('--config <file>', 'settings in YAML, by the names of the flags in camelCase; flags override them')
    .option('--backbone <file>', 'an ONNX model with a feature tensor, or a classifier to train further')
    .option('--layer <layer>', 'the feature tensor to pool: a stride like /32 or a tensor\'s name (default: the deepest that everything passes through)')
    .option('--output-stride <s>', 'first give the last stages this stride, with dilated convolutions: 16 or 8 (default: as it is)', parseCount)
    .option('--out <file>', 'the classifier to write');
  addModelOptions(addMaskOptions(addLabelOptions(addStrictOption(addDevkitOptions(command)))))
    .option('--also <root,split,labels>', 'a further list, with a devkit or labels of its own; may be repeated', parseAlso)
    .option('--val-split <name|file>', 'report average precision on this split')
    .option('--val-labels <source>', 'its labels (default: as --labels; a list of its own with the labels list)', parseLabelSpec)
    .option('--input-sizes <size,...>', 'head: sizes at the network, each a view of the image; the first is that of the validation', parseNames)
    .option('--no-flip', 'do not take mirror images as well')
    .option('--folds <n>', 'head: parts of the cross-validation that chooses the regularisation', parseCount)
    .option('--seed <n>', 'for everything that is left to chance', parseNumber)
    .addOption(choice('--store <precision>', 'how the classifier\'s weights are stored; it computes in float32 either way', ['float32', 'float16']).default('float32'))
    .option('--cache <folder>', 'where features are kept (default: voc-seeds in the user\'s cache folder)')
    .option('--workers <n>', 'worker threads (default: one per processor, one beside an accelerator; one for every two that prepare training images)', parseWorkers)
    .option('--threads <n>', 'threads of the training itself, each with a part of the batch (default: one per processor)', parseWorkers)
    .option('--print-config', 'print the settings that result from file and flags, and stop')
    .option('--json', 'print the report as JSON');
  addRuntimeOptions(command);
  // Several lists may be named here.
  const split = command.options.find(({ long }) => long === '--split')!;
  split.argParser(parseNames);
  split.description += '; several separated by commas';
  showDefaults(addFullOptions(command), () => trainSchema.parse({})).addHelpText('after', examples).action(async (flags: TrainFlags) => { done(await run(flags)); });
};

/** Adds the options of `--mode full`. */
function addFullOptions(command: Command): Command {
  return command.optionsGroup('Options of --mode full:')
    .option('--train-from <layer>', 'train only what lies above this layer (default: everything)')
    .addOption(choice('--init-head <how>', 'the head to start with: fit it to the features, or zeros; a VOC classifier keeps its own', ['fit', 'zero']))
    .option('--no-head-bias', 'a new head without bias (starts with zeros)')
    .option('--epochs <n>', 'passes over the images', parseCount)
    .option('--batch-size <n>', 'images per pass', parseCount)
    .option('--accumulate <n>', 'passes per update of the weights', parseCount)
    .addOption(choice('--optimiser <name>', 'sgd: one learning rate for all weights; lars: relative to the size of each tensor', ['sgd', 'lars']))
    .option('--rate <r>', 'the highest learning rate; for lars try 0.00003', parseNumber)
    .option('--head-rate <x>', 'the head\'s learning rate is that of the rest times this', parseNumber)
    .option('--warm-up <share>', 'the share of the run over which the rate grows, 0..1', parseNumber)
    .addOption(choice('--decay <form>', 'how the rate falls: poly is (1 - t)^0.9', ['poly', 'cosine', 'constant']))
    .option('--momentum <m>', 'of stochastic gradient descent', parseNumber)
    .option('--weight-decay <d>', 'on kernels and matrices', parseNumber)
    .option('--average <d>', 'keep the moving average of the weights, this much of it stays at an update; 0 takes the weights', parseNumber)
    .addOption(choice('--sampler <how>', 'shuffle: every image once an epoch; balanced: every class equally often', ['shuffle', 'balanced']))
    .option('--crop <pixels>', 'the side of a training image', parseCount)
    .option('--resize <min,max>', 'the short side before cropping is drawn from this range', parsePair)
    .option('--aspect <f>', 'the ratio of the sides changes by up to this factor', parseNumber)
    .option('--jitter <x>', 'brightness, contrast and saturation change by up to this share', parseNumber)
    .option('--erase <p>', 'blank a rectangle of an image with this probability', parseNumber)
    .addOption(choice('--keep <which>', 'the weights to write: of the last epoch, or of the best on the validation list', ['last', 'best']))
    .option('--work <folder>', 'for checkpoints, log.jsonl and training.html (default: OUT.training)')
    .option('--checkpoint-every <n>', 'updates between two checkpoints; there is one after every epoch, too', parseCount)
    .option('--no-resume', 'begin anew where an earlier run was interrupted');
}

/** Parses `--resize`: two numbers of pixels. */
function parsePair(text: string): [number, number] {
  const match = /^([1-9]\d*)(?:,([1-9]\d*))?$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Expected two numbers of pixels, for instance 224,320.');
  return [Number(match[1]), Number(match[2] ?? match[1])];
}

async function run(flags: TrainFlags): Promise<number> {
  const config = await loadConfig(trainSchema, flags.config, settingsOf(flags), []);
  if (flags.printConfig === true) {
    process.stdout.write(flags.json === true ? `${JSON.stringify(config, null, 2)}\n` : stringify(config));
    return EXIT.ok;
  }
  const { ids, limit, maskDir, rgbMasks, store, resume, strict } = flags;
  const say = (text: string): void => { process.stderr.write(`${text}\n`); };
  const stop = new AbortController();
  let watch: InterruptWatch | undefined;
  const result = await trainClassifier({
    settings: config, spec: await specOfFlags(flags), ids, limit, maskDir, rgbMasks, store, resume, signal: stop.signal,
    inputs: flags.config === undefined ? [] : [flags.config],
    onMessage: say, onWork: progressBar,
    onFineTuning: (running) => {
      watch?.dispose();
      watch = running
        ? watchInterrupt(() => {
            say('\ninterrupted: writing a checkpoint (once more to stop at once)');
            stop.abort();
          })
        : undefined;
    },
  });
  if (result === undefined) {
    say('interrupted: the same command goes on from here');
    return EXIT.interrupted;
  }
  const { report, listed } = result;
  process.stdout.write(flags.json === true ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
  if (report.missing > 0) process.stderr.write(describeMissing(report.missing, listed, '', 'photographs of the lists'));
  return report.failures.length > 0 || (strict === true && report.missing > 0) ? EXIT.failures : EXIT.ok;
}

function settingsOf(flags: TrainFlags): Record<string, unknown> {
  const {
    mode, backbone, layer, outputStride, vocRoot, split, labelFile, difficult, also, valSplit, out, inputSizes, folds, seed, cache, runtime, device,
    workers, threads, trainFrom, initHead, epochs, batchSize, accumulate, optimiser, rate, headRate, warmUp, decay, momentum, weightDecay, average,
    sampler, crop, resize, aspect, jitter, erase, checkpointEvery, keep, work,
  } = flags;
  const text = (spec: LabelSpec | undefined): string | undefined => spec && (spec.file === undefined ? spec.kind : `${spec.kind}:${spec.file}`);
  // Commander sets a --no- flag to true where it is not given; only false is a wish.
  const denied = (flag: boolean | undefined): false | undefined => (flag === false ? false : undefined);
  return {
    mode, backbone, layer, outputStride, vocRoot, split, labels: text(flags.labels), labelFile, difficult, alsoTrainOn: also, valSplit,
    valLabels: text(flags.valLabels), out, inputSizes, flip: denied(flags.flip), folds, seed, cache, runtime, device, workers, threads,
    trainFrom, initHead,
    headBias: denied(flags.headBias), epochs, batchSize, accumulate, optimiser, rate, headRate, warmUp, decay, momentum, weightDecay, average,
    sampler, crop, resize, aspect, jitter, erase, checkpointEvery, keep, work,
  };
}

function describe({ out, mode, images, views, l2, epochs, epoch, work, seconds, validation, failures }: TrainReport): string {
  const lines = [mode === 'head'
    ? `${out}: head fitted to ${images} images in ${views} views, l2 ${l2}, ${seconds} s`
    : `${out}: trained on ${images} images for ${epochs?.length} epochs, weights of epoch ${epoch}, ${seconds} s; curves in ${work}/training.html`];
  if (validation !== undefined) {
    const percent = (value: number): string => (Number.isNaN(value) ? 'absent' : (100 * value).toFixed(1)).padStart(6);
    lines.push('', `Average precision on ${validation.images} images of ${validation.split} (area under the precision/recall curve, VOC 2010 and later), in %:`, '',
      '| class | AP |', '|---|---:|', ...Object.entries(validation.perClass).map(([name, value]) => `| ${name} | ${percent(value)} |`), `| **mAP** | ${percent(validation.map)} |`);
  }
  if (failures.length > 0) lines.push('', `${failures.length} photographs failed:`, ...failures.slice(0, 20).map(({ id, reason }) => `  ${id}: ${reason}`));
  return `${lines.join('\n')}\n`;
}
