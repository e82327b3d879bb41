import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Option } from 'commander';
import { stringify } from 'yaml';
import { mergeSpecs, MODEL_SPEC_KEY, readSidecar, requireSpec, specOfMetadata } from '../config/model-spec.js';
import { loadConfig } from '../config/load.js';
import { trainSchema } from '../config/train.js';
import type { TrainConfig } from '../config/train.js';
import { messageOf, UserError } from '../errors.js';
import { parseInputSize } from '../image/input-size.js';
import { makeFolder } from '../jobs/files.js';
import { hashFile } from '../jobs/hash.js';
import { progressBar } from '../jobs/progress.js';
import type { Progress } from '../jobs/progress.js';
import { meanAveragePrecision } from '../metrics/average-precision.js';
import { storeHalf } from '../onnx/half.js';
import { resolveLayer } from '../onnx/layers.js';
import { NetworkGraph } from '../onnx/network.js';
import { readModel } from '../onnx/read.js';
import { writeModel } from '../onnx/write.js';
import { ortRuntime } from '../runtime/ort.js';
import { buildClassifier, LOGITS } from '../train/graphs.js';
import { extractFeatures } from '../train/features.js';
import type { FeatureOptions, FeatureTable } from '../train/features.js';
import { fitHead, viewMean } from '../train/head.js';
import { applyHead } from '../train/logistic.js';
import { VOC_CLASSES } from '../voc/classes.js';
import { parseNames } from './cam-options.js';
import { addDevkitOptions, addLabelOptions, addMaskOptions, openLabels, openSelection, parseCount, parseLabelSpec, requireFlag } from './devkit-options.js';
import type { DevkitFlags, LabelFlags, LabelSpec, MaskFlags } from './devkit-options.js';
import { EXIT } from './exit-codes.js';
import type { CommandRegistrar } from './main.js';
import { addModelOptions, parseNumber, specOfFlags } from './model-options.js';
import type { ModelFlags } from './model-options.js';

interface TrainFlags extends DevkitFlags, LabelFlags, MaskFlags, ModelFlags {
  config?: string;
  mode?: string;
  backbone?: string;
  layer?: string;
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
  printConfig?: boolean;
  json?: boolean;
}

const examples = `
Examples:
  # A VOC classifier from an ImageNet model: its features stay as they are, a 20-class head is fitted to them
  voc-seeds train --mode head --backbone mobilenet_v1.onnx --preprocess tensorflow \\
    --voc-root VOCdevkit/VOC2012 --split train --labels xml --val-split val --val-labels masks --out classifier.onnx

  # A list that names images and classes is split and labels in one
  voc-seeds train --backbone mobilenet_v1.onnx --preprocess tensorflow --voc-root VOCdevkit/VOC2012 --split my_list.txt --labels list --out classifier.onnx

Features are computed once and kept in the cache: a second run with the same images and sizes only fits the head.
`;

/** `voc-seeds train` */
export const registerTrain: CommandRegistrar = (program, done) => {
  const command = program.command('train').description('Make a classifier of the 20 VOC classes from image-level labels and any ONNX backbone.')
    .addOption(new Option('--mode <mode>', 'head: the backbone stays as it is (default: head)').choices(['head']))
    .option('--config <file>', 'settings in YAML, by the names of the flags in camelCase; flags override them')
    .option('--backbone <file>', 'an ONNX model with a feature tensor')
    .option('--layer <layer>', 'the feature tensor to pool: a stride like /32 or a tensor\'s name (default: the deepest that everything passes through)')
    .option('--out <file>', 'the classifier to write');
  addModelOptions(addMaskOptions(addLabelOptions(addDevkitOptions(command))))
    .option('--val-split <name|file>', 'report average precision on this split')
    .option('--val-labels <source>', 'its labels (default: as --labels; a list of its own with the labels list)', parseLabelSpec)
    .option('--input-sizes <size,...>', 'sizes at the network; each is a view of the image (default: short:320)', parseNames)
    .option('--no-flip', 'do not take the mirror image as a further view')
    .option('--folds <n>', 'parts of the cross-validation that chooses the regularisation (default: 5)', parseCount)
    .option('--seed <n>', 'for the random parts of the cross-validation (default: 0)', parseNumber)
    .addOption(new Option('--store <precision>', 'how the classifier\'s weights are stored; it computes in float32 either way').choices(['float32', 'float16']).default('float32'))
    .option('--cache <folder>', 'where features are kept (default: voc-seeds in the user\'s cache folder)')
    .option('--workers <n>', 'worker threads (default: one per processor)', parseCount)
    .option('--print-config', 'print the settings that result from file and flags, and stop')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', examples)
    .action(async (flags: TrainFlags) => { done(await run(flags)); });
};

async function run(flags: TrainFlags): Promise<number> {
  const config = await loadConfig(trainSchema, flags.config, settingsOf(flags));
  if (flags.printConfig === true) {
    process.stdout.write(flags.json === true ? `${JSON.stringify(config, null, 2)}\n` : stringify(config));
    return EXIT.ok;
  }
  const path = requireFlag(config.backbone, '--backbone', 'mobilenet_v1.onnx');
  const out = requireFlag(config.out, '--out', 'classifier.onnx');
  const training = await openData(flags, config, config.split, config.labels);
  const validation = config.valSplit === undefined
    ? undefined
    : await openData(
        { ...flags, labelFile: undefined, limit: undefined, ids: undefined }, config, config.valSplit, config.valLabels ?? config.labels,
      );

  const model = await readModel(path);
  const merged = mergeSpecs({ metadata: specOfMetadata(model, path), sidecar: await readSidecar(path), flags: await specOfFlags(flags) });
  const spec = requireSpec(merged, path, ['channelOrder', 'scale', 'mean', 'std']);
  const backbone = new NetworkGraph(model, spec.logits ?? model.graph.outputs[0]?.name ?? '', spec.inputSize);
  const layer = config.layer === undefined
    ? backbone.layers.findLast(({ cut }) => cut) ?? backbone.layers.at(-1)
    : resolveLayer(backbone.layers, config.layer);
  if (layer === undefined) throw new UserError(`${path} has no feature map that could be pooled`);
  process.stderr.write(`features: ${layer.name}, ${layer.channels} channels at stride ${layer.stride}\n`);

  const { fixedSize } = backbone.input;
  const options: FeatureOptions = {
    backbone, backboneHash: await hashFile(path), layer, normalisation: spec,
    inputSizes: fixedSize === undefined ? config.inputSizes.map(parseInputSize) : [{ kind: 'fixed', size: fixedSize }],
    flip: config.flip, workers: config.workers,
    cache: config.cache ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'voc-seeds'),
  };
  // What cannot be written should be known before the work, not after it.
  await makeFolder(dirname(resolve(out)));
  const start = performance.now();
  const table = await featuresOf(training, options);
  const folds = progressBar(config.folds, 'parts of the cross-validation');
  const { head, l2, trials } = await fitHead(table, table.paths.map((file) => training.labels.get(file)!), VOC_CLASSES.length, ortRuntime, {
    seed: config.seed, folds: config.folds, threads: config.workers ?? 0,
    onFold: (ended) => { folds.advance(ended); },
  }).finally(() => { folds.stop(); });
  for (const trial of trials) process.stderr.write(`l2 ${trial.l2}: mAP ${trial.map.toFixed(4)} in cross-validation\n`);
  const { channelOrder, scale, mean, std } = spec;
  const { inputSize } = spec;
  const metadata = { logits: LOGITS, channelOrder, scale, mean, std, classes: VOC_CLASSES, ...(inputSize && { inputSize }) };
  const classifier = buildClassifier(backbone, layer, head, new Map([[MODEL_SPEC_KEY, JSON.stringify(metadata)]]));
  await writeModel(out, flags.store === 'float16' ? storeHalf(classifier) : classifier);
  const seconds = (performance.now() - start) / 1000;

  const scores = validation === undefined ? undefined : await validate(validation, options, head);
  const failures = [...training.failures, ...table.failures.map(({ path: id, reason }) => ({ id, reason })), ...scores?.failures ?? []];
  const report = {
    out, layer: layer.name, images: table.paths.length, views: table.views, l2, trials, seconds: Number(seconds.toFixed(1)),
    validation: scores && {
      split: config.valSplit, images: scores.images, map: scores.mean,
      perClass: Object.fromEntries(VOC_CLASSES.map((name, i) => [name, scores.perClass[i]])),
    },
    missing: training.missing + (validation?.missing ?? 0), failures,
  };
  process.stdout.write(flags.json === true ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
  return failures.length > 0 ? EXIT.failures : EXIT.ok;
}

function settingsOf(flags: TrainFlags): Record<string, unknown> {
  const { mode, backbone, layer, vocRoot, split, labelFile, difficult, valSplit, out, inputSizes, folds, seed, cache, workers } = flags;
  const text = (spec: LabelSpec | undefined): string | undefined => spec && (spec.file === undefined ? spec.kind : `${spec.kind}:${spec.file}`);
  return {
    mode, backbone, layer, vocRoot, split, labels: text(flags.labels), labelFile, difficult, valSplit, valLabels: text(flags.valLabels), out,
    // Commander sets a --no- flag to true where it is not given; only false is a wish.
    inputSizes, flip: flags.flip === false ? false : undefined, folds, seed, cache, workers,
  };
}

/** Photographs and their classes, 0..19. */
interface LabelledImages {
  readonly labels: ReadonlyMap<string, readonly number[]>;
  readonly missing: number;
  readonly failures: readonly { readonly id: string; readonly reason: string }[];
}

async function openData(flags: TrainFlags, config: TrainConfig, split: string | undefined, labels: string | undefined): Promise<LabelledImages> {
  const selection = await openSelection({ ...flags, vocRoot: config.vocRoot, split }, 'imagePath');
  const spec = parseLabelSpec(requireFlag(labels, '--labels', 'xml'));
  // A list that holds classes beside its images is its own label file.
  const labelFile = spec.file ?? flags.labelFile ?? config.labelFile ?? (spec.kind === 'list' ? selection.split.path : undefined);
  const source = await openLabels({ ...flags, labelFile, difficult: config.difficult }, selection.devkit, spec);
  const known = new Map<string, number[]>();
  const failures: { id: string; reason: string }[] = [];
  for (const item of selection.items) {
    try {
      known.set(item.imagePath, (await source.labels(item)).map((label) => label - 1));
    } catch (error) {
      failures.push({ id: item.id, reason: messageOf(error) });
    }
  }
  if (known.size === 0) throw new UserError(`no photograph of ${selection.split.path} has labels`, failures[0]?.reason);
  return { labels: known, missing: selection.missing.length, failures };
}

async function featuresOf({ labels }: LabelledImages, options: FeatureOptions): Promise<FeatureTable> {
  let bar: Progress | undefined;
  try {
    const table = await extractFeatures([...labels.keys()], {
      ...options,
      onStart: (total) => { bar = progressBar(total, 'images'); },
      onProgress: (ended) => bar?.advance(ended),
    });
    return table;
  } finally {
    bar?.stop();
  }
}

async function validate(data: LabelledImages, options: FeatureOptions, head: Parameters<typeof applyHead>[0]) {
  const table = await featuresOf(data, { ...options, inputSizes: options.inputSizes.slice(0, 1), flip: false });
  const logits = viewMean(applyHead(head, table.data), table.views, VOC_CLASSES.length);
  const result = meanAveragePrecision(logits, table.paths.map((path) => data.labels.get(path)!), VOC_CLASSES.length);
  const failures = [...data.failures, ...table.failures.map(({ path, reason }) => ({ id: path, reason }))];
  return { ...result, images: table.paths.length, failures };
}

interface Report {
  out: string;
  images: number;
  views: number;
  l2: number;
  seconds: number;
  validation?: { split?: string; images: number; map: number; perClass: Record<string, number> };
  missing: number;
  failures: readonly { id: string; reason: string }[];
}

function describe({ out, images, views, l2, seconds, validation, missing, failures }: Report): string {
  const lines = [`${out}: head fitted to ${images} images in ${views} views, l2 ${l2}, ${seconds} s`];
  if (validation !== undefined) {
    const percent = (value: number): string => (Number.isNaN(value) ? 'absent' : (100 * value).toFixed(1)).padStart(6);
    lines.push('', `Average precision on ${validation.images} images of ${validation.split} (area under the precision/recall curve, VOC 2010 and later), in %:`, '',
      '| class | AP |', '|---|---:|', ...Object.entries(validation.perClass).map(([name, value]) => `| ${name} | ${percent(value)} |`), `| **mAP** | ${percent(validation.map)} |`);
  }
  if (missing > 0) lines.push('', `${missing} photographs are not on disk and were left out`);
  if (failures.length > 0) lines.push('', `${failures.length} photographs failed:`, ...failures.slice(0, 20).map(({ id, reason }) => `  ${id}: ${reason}`));
  return `${lines.join('\n')}\n`;
}
