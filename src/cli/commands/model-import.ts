import { resolve } from 'node:path';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { architectures, STRIDE } from '../../import/architectures.js';
import { buildNetwork } from '../../import/build.js';
import type { Head } from '../../import/heads.js';
import { LOGITS } from '../../import/heads.js';
import { list } from '../../import/names.js';
import type { PlannedNetwork } from '../../import/recognise.js';
import { AUTO, planFor } from '../../import/recognise.js';
import type { ModelSpec } from '../../classifier/spec.js';
import { MODEL_SPEC_KEY, preprocessPresets } from '../../classifier/spec.js';
import { messageOf, UserError } from '../../errors.js';
import { dilate } from '../../classifier/dilate/dilate.js';
import { storeHalf } from '../../onnx/rewrite/half.js';
import { strideAliases } from '../../classifier/layers.js';
import type { OnnxModel } from '../../onnx/model.js';
import { NetworkGraph } from '../../classifier/network.js';
import type { Size } from '../../size.js';
import { writeModel } from '../../onnx/file/write.js';
import { VOC_CLASSES } from '../../datasets/classes/voc.js';
import type { WeightsFile } from '../../formats/weights/open.js';
import { withWeights } from '../../formats/weights/open.js';
import { choice } from '../options/choice.js';
import { GROUPS } from '../options/groups.js';
import { EXIT } from '../exit-codes.js';
import { classSetOption, specOfFlags } from '../options/model-options.js';

interface ImportFlags {
  classSet?: string;
  arch: string;
  out?: string;
  head: Head['kind'];
  prefix?: string;
  classifier?: string;
  lastStride?: '1' | '2';
  inputSize?: Size;
  outputStride?: number;
  keepBatchNorm?: boolean;
  half?: boolean;
  seed: number;
  preprocess: string;
  classes?: string;
  json?: boolean;
}

/** `voc-seeds model import` */
export function registerImport(model: Command, done: (code: number) => void): void {
  model.command('import').argument('<weights>', 'a safetensors file or a PyTorch checkpoint (.pth, .pt)')
    .description('Make an ONNX classifier from trained weights of VGG or ResNet with torchvision\'s parameter names, without Python.')
    .optionsGroup('Network:')
    .addOption(choice('--arch <name>', 'the architecture; auto: recognised by the parameters', [AUTO, ...architectures.map(({ name }) => name)]).default(AUTO))
    .addOption(choice('--head <kind>', 'fc: the fully connected layers as they are; conv: the same as convolutions, for images of any size; gap: global average pooling and a new, untrained linear layer', ['fc', 'conv', 'gap']).default('fc'))
    .option('--prefix <prefix>', 'the prefix of the network to import if the file contains several, for instance teacher.backbone.')
    .option('--classifier <name>', 'the name of the linear layer that computes the logits (default: found by name and shape)')
    .addOption(choice('--last-stride <n>', 'stride of ResNet\'s last stage: 1 (without dilation) as in IRN, or 2 as in torchvision (default: 1 if the parameters have IRN\'s names, else 2)', ['1', '2']))
    .option('--input-size <HxW>', 'the fixed image size of VGG with the head fc (default: 224x224)', parseSize)
    .option('--output-stride <n>', 'pixels per cell of the deepest feature maps: 16 or 8 instead of 32', parseCount)
    .option('--seed <n>', 'random seed of the weights of the head gap', parseCount, 1)
    .option('--keep-batch-norm', 'keep batch normalisations as operators instead of folding them into the convolutions')
    .option('--half', 'store the weights in half precision, which halves the file; computation stays in float32')
    .optionsGroup(GROUPS.classifier)
    .option('--classes <name|file>', 'the names of the logits: voc, coco, a file with one name per line, or a YAML file with a class set (default: class_0, class_1, ...; the VOC classes for the 20 logits of IRN\'s network; none for the head gap)')
    .addOption(classSetOption())
    .addOption(choice('--preprocess <preset>', 'preprocessing of the input', Object.keys(preprocessPresets)).default('torchvision'))
    .optionsGroup(GROUPS.output)
    .option('--out <file>', 'where to write the model')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', `
Nothing in a checkpoint is executed: only tensors and plain values are read, and everything else is rejected. The network is
found under any key of the checkpoint (state_dict, model, ...) and any prefix (module., backbone., ...), and its linear
classifier inside or outside of that prefix. Narrower and wider networks of an architecture, ResNeXt, Wide ResNet, and the
ResNet50 of IRN with its 1x1 convolution as the classifier are recognised by the shapes of their weights.

Examples:
  # ImageNet weights
  voc-seeds model import resnet50.pth --classes imagenet.txt --out resnet50.onnx
  voc-seeds cam photo.jpg --model resnet50.onnx --top 3

  # IRN's classifier for the 20 VOC classes (net/resnet50_cam.py)
  voc-seeds model import res50_cam.pth --out res50_cam.onnx

  # A backbone at stride 16, to train on the image-level labels of the 20 VOC classes
  voc-seeds model import vgg16.safetensors --head gap --output-stride 16 --out vgg16_backbone.onnx
  voc-seeds train --voc-root VOCdevkit/VOC2012 --backbone vgg16_backbone.onnx --out vgg16_voc.onnx
`)
    .action(async (file: string, flags: ImportFlags) => {
      const report = await importWeights(file, flags);
      process.stdout.write(flags.json === true ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
      done(EXIT.ok);
    });
}

function parseSize(text: string): Size {
  const match = /^([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?$/.exec(text);
  const size: Size = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  if (!size.every((pixels) => pixels >= STRIDE)) throw new InvalidArgumentError(`Expected HxW in pixels, at least ${STRIDE}x${STRIDE}, for instance 224x224.`);
  return size;
}

function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Expected a whole number, for instance 16.');
  return Number(text);
}

/** The image size at which VGG's fully connected layers were trained. */
const DEFAULT_SIZE: Size = [224, 224];

type ImportReport = Awaited<ReturnType<typeof importWeights>>;

async function importWeights(file: string, flags: ImportFlags) {
  const { out, inputSize } = flags;
  if (out === undefined) throw new UserError('the output file is missing', 'set it with --out, for instance --out model.onnx');
  if (resolve(out) === resolve(file)) throw new UserError(`--out is the weights file itself, ${file}`, 'write another file');
  const given = await specOfFlags({ preprocess: flags.preprocess, classes: flags.classSet ?? flags.classes });
  return withWeights(file, async (weights) => {
    const head = headOf(flags, given);
    const network = await planFor(flags.arch, weights, head, inputSize ?? DEFAULT_SIZE, file, {
      prefix: flags.prefix, classifier: flags.classifier, lastStride: flags.lastStride === undefined ? undefined : flags.lastStride === '1' ? 1 : 2,
    });
    const size = network.bound ? inputSize ?? DEFAULT_SIZE : undefined;
    if (inputSize !== undefined && size === undefined) {
      throw new UserError(
        `--input-size works only for VGG with the head fc: ${network.architecture.name} with the head ${flags.head} takes images of any size`, 'leave out --input-size',
      );
    }
    const classes = classNames(network, given, flags.head, file);
    const built = await buildNetwork(network, { keepBatchNorm: flags.keepBatchNorm, size });
    const target = flags.outputStride ?? network.stride;
    if (target === STRIDE && network.stride < STRIDE) {
      const stage = `the last stage of ${network.architecture.name} has stride 1 here`;
      throw new UserError(`${stage}, so its output stride is ${network.stride}`, 'use --last-stride 2 for the strides of torchvision');
    }
    const result = target === network.stride ? built : { ...built, graph: dilate(new NetworkGraph(built, LOGITS), target).graph };
    const { logits, channelOrder, scale, mean, std } = { ...given, logits: LOGITS };
    const untrained = flags.head === 'gap';
    const names = classes.length > 0 ? { classes: [...classes] } : {};
    const spec: Partial<ModelSpec> = { logits, channelOrder, scale, mean, std, ...names, ...untrained && { untrained } };
    const notes = notesOf(network, flags, given);
    await writeModel(out, stored({ ...result, metadata: new Map([[MODEL_SPEC_KEY, JSON.stringify(spec)]]) }, flags.half === true));
    return {
      file: out, head: flags.head, ...reportOf(result, network, weights),
      /** Set if the head is new and must be trained first. */
      untrained: untrained || undefined,
      ...notes.length > 0 && { notes },
      /** Whether class names were given. */
      named: given.classes !== undefined,
      /** [height, width], or null for any. */
      inputSize: size ?? null,
    };
  });
}

function headOf({ head, seed }: ImportFlags, { classes = VOC_CLASSES }: { classes?: readonly string[] }): Head {
  return head === 'gap' ? { kind: head, classes: classes.length, seed } : { kind: head };
}

/** The names of the logits; none for an untrained head. */
function classNames(network: PlannedNetwork, { classes }: Partial<ModelSpec>, head: Head['kind'], file: string): readonly string[] {
  const count = network.classes;
  if (classes === undefined) return head === 'gap' ? [] : isIrnClassifier(network) ? VOC_CLASSES : Array.from({ length: count ?? 0 }, (_, i) => `class_${i}`);
  if (classes.length !== count) throw new UserError(`${file} has ${count} classes, but ${classes.length} names are given`, 'list one name per class in --classes FILE');
  return classes;
}

/** Whether it is IRN's classifier for the VOC classes, the only one that IRN trains. */
function isIrnClassifier({ irn, classifier, classes }: PlannedNetwork): boolean {
  return irn && classifier !== undefined && classes === VOC_CLASSES.length;
}

/** Notes about automatic choices and left-over tensors. */
function notesOf(network: PlannedNetwork, { lastStride, head }: ImportFlags, { classes }: Partial<ModelSpec>): string[] {
  const { architecture, irn, classifier, leftOver } = network;
  return [
    ...irn && lastStride === undefined ? [`the parameters have the names of IRN's ${architecture.name}, so its last stage has stride 1, without dilation (use --last-stride 2 for torchvision's)`] : [],
    ...classes === undefined && head !== 'gap' && isIrnClassifier(network) ? ['the logits are assumed to be the 20 VOC classes in the usual order (use --classes for others)'] : [],
    ...classifier !== undefined && !/(?:^|\.)(?:fc|classifier)$/.test(classifier) ? [`the classifier is '${classifier}'`] : [],
    ...leftOver.length > 0 ? [`${leftOver.length} ${leftOver.length === 1 ? 'tensor is' : 'tensors are'} not part of ${architecture.name}: ${list(leftOver)}. If the original program uses them to compute the logits, this model gives other results`] : [],
  ];
}

function stored(model: OnnxModel, half: boolean): OnnxModel {
  if (!half) return model;
  try {
    return storeHalf(model);
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(messageOf(error), 'leave out --half', { cause: error });
    throw error;
  }
}

function reportOf(model: OnnxModel, { architecture, classes, wrapper, prefix, classifier }: PlannedNetwork, { format }: WeightsFile) {
  const { layers } = new NetworkGraph(model, LOGITS);
  return {
    architecture: architecture.name, format,
    /** The key and the prefix of the weights in the checkpoint. */
    wrapper: wrapper ?? null, prefix,
    /** The name in the file of the linear layer that computes the logits, if there is a single one. */
    classifier,
    classes,
    parameters: [...model.graph.initializers.values()].reduce((sum, tensor) => sum + tensor.size, 0),
    /** The tensor of each stride alias. */
    layers: Object.fromEntries([...strideAliases(layers)].map(([alias, { name }]) => [alias, name])),
  };
}

function describe(report: ImportReport): string {
  const { file, architecture, format, wrapper, prefix, untrained, classes, parameters, inputSize, layers, notes = [] } = report;
  const where = [...wrapper === null ? [] : [`under '${wrapper}'`], ...prefix === '' ? [] : [`without the prefix '${prefix}'`]];
  const size = inputSize === null ? 'images of any size' : `images of ${inputSize.join('x')}`;
  const lines = [
    `${file}: ${architecture}, ${(parameters / 1e6).toFixed(2)} million parameters, ${classes} classes, ${size}`,
    `read as ${format}${where.map((text) => `, ${text}`).join('')}`,
    'feature layers:',
    ...Object.entries(layers).map(([alias, name]) => `  ${alias.padEnd(4)} ${name}`),
    ...untrained === true ? [`the head is untrained: train it with 'voc-seeds train --backbone ${file}'`] : [],
    ...notes.map((note) => `note: ${note}`),
  ];
  return `${lines.join('\n')}\n`;
}
