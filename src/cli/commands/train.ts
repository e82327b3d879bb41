import { basename, dirname, resolve } from 'node:path';
import { loadConfig } from '../../settings/load.js';
import { trainSchema } from '../../settings/train.js';
import type { TrainConfig } from '../../settings/train.js';
import { makeFolder } from '../../jobs/files/atomic.js';
import { refuseInputFile } from '../../jobs/journal/own-folder.js';
import { removeLeftovers } from '../../jobs/files/temporary.js';
import { storeHalf } from '../../onnx/rewrite/half.js';
import type { OnnxModel } from '../../onnx/model.js';
import { writeModel } from '../../onnx/file/write.js';
import { openRuntime } from '../../runtime/open.js';
import type { EpochResult } from '../../train/checkpoint.js';
import { VOC_CLASSES } from '../../voc/classes.js';
import { choice } from '../options/choice.js';
import { addPrintConfigOption, printConfig } from '../options/config-options.js';
import type { ConfigFlags } from '../options/config-options.js';
import { showDefaults } from '../options/default-help.js';
import { addMaskOptions, addSelectionOptions, addStrictOption, describeMissing, requireFlag } from '../options/devkit-options.js';
import type { DevkitFlags, MaskFlags, StrictFlags } from '../options/devkit-options.js';
import { GROUPS } from '../options/groups.js';
import { EXIT } from '../exit-codes.js';
import type { CommandRegistrar } from '../command.js';
import { addModelOptions } from '../options/model-options.js';
import type { ModelFlags } from '../options/model-options.js';
import { argument } from '../options/parsers.js';
import { addSettings, givenSettings } from '../options/setting-options.js';
import { openBackbone } from './train-backbone.js';
import { openTrainingData, parseAlso, requireReadable } from './train-data.js';
import type { AlsoTrainOn, TrainingData } from './train-data.js';
import { trainFull } from './train-full.js';
import { trainHead, validateClassifier, validateHead } from './train-head.js';
import type { Validation } from './train-head.js';

/** The flags that are no settings; those are told by {@link givenSettings}. */
interface TrainFlags extends ConfigFlags, DevkitFlags, StrictFlags, MaskFlags, ModelFlags {
  store: 'float32' | 'float16';
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
    .optionsGroup(GROUPS.settings)
    .option('--config <file>', 'settings in YAML, with the names of the flags in camelCase; flags override them');
  addSettings(command, trainSchema.shape)
    .optionsGroup(GROUPS.input)
    .option('--also <root,split,labels>', 'a further list, with its own devkit or labels; may be repeated', (text, before?: AlsoTrainOn[]) => argument((one) => parseAlso(one, before))(text));
  addModelOptions(addMaskOptions(addStrictOption(addSelectionOptions(command))))
    .optionsGroup(GROUPS.output)
    .addOption(choice('--store <precision>', 'how the classifier\'s weights are stored; it computes in float32 either way', ['float32', 'float16']).default('float32'))
    .option('--json', 'print the report as JSON')
    .optionsGroup(GROUPS.running)
    .option('--no-resume', 'begin anew if an earlier run was interrupted');
  addPrintConfigOption(command);
  showDefaults(command, () => trainSchema.parse({})).addHelpText('after', examples).action(async (flags: TrainFlags) => { done(await run(flags)); });
};

async function run(flags: TrainFlags): Promise<number> {
  const config = await loadConfig(trainSchema, flags.config, givenSettings(trainSchema.shape, flags), { presets: [] });
  if (flags.printConfig === true) {
    printConfig(config, flags);
    return EXIT.ok;
  }
  const path = requireFlag(config.backbone, '--backbone', 'mobilenet_v1.onnx');
  const out = requireFlag(config.out, '--out', 'classifier.onnx');
  const { maskDir, ids, limit, rgbMasks } = flags;
  const training = await openTrainingData(config, { maskDir, ids, limit, rgbMasks });
  const validation = config.valSplit === undefined
    ? undefined
    : await openTrainingData({
        vocRoot: config.vocRoot, split: config.valSplit, labels: config.valLabels ?? config.labels, difficult: config.difficult,
        // Labels of a list stand in the list itself.
        labelFile: config.valLabels === undefined && config.labels === 'npy' ? config.labelFile : undefined,
      }, { maskDir, rgbMasks });
  const data = [training, ...validation === undefined ? [] : [validation]];
  await refuseInputFile(out, '--out', [path, flags.config, ...data.flatMap(({ files }) => files)], data.flatMap(({ folders }) => folders));
  if (validation !== undefined) await requireReadable(validation, 'the validation list');
  const backbone = await openBackbone(path, config, flags);
  process.stderr.write(`features: ${backbone.layer.name}, ${backbone.layer.channels} channels at stride ${backbone.layer.stride}\n`);
  // What cannot be written should be known before the work, not after it.
  await makeFolder(dirname(resolve(out)));
  await removeLeftovers(dirname(resolve(out)), basename(out));
  const runtime = await openRuntime(config);
  process.stderr.write(`runtime: ${runtime.description}\n`);
  const unseen = absentClasses(training);
  if (unseen.length > 0) process.stderr.write(`note: no training photograph shows ${unseen.join(', ')}: the classifier will not know them, and their maps mean nothing\n`);
  const start = performance.now();
  const seconds = (): number => Number(((performance.now() - start) / 1000).toFixed(1));
  const store = (model: OnnxModel): Promise<void> => writeModel(out, flags.store === 'float16' ? storeHalf(model) : model);
  const common = { out, mode: config.mode, layer: backbone.layer.name, runtime: runtime.description, absent: unseen };
  let report: Report;
  if (config.mode === 'head') {
    const { model, fitted: { head, l2, trials }, images, views, failures } = await trainHead(backbone, training, config);
    await store(model);
    report = { ...common, images, views, l2, trials, seconds: seconds(), ...outcome(training, validation, failures) };
    if (validation !== undefined) report = withScores(report, config, await validateHead(head, backbone, validation, config));
  } else {
    const folder = config.work ?? `${out}.training`;
    const result = await trainFull(backbone, training, validation, config, folder, flags.resume);
    const { model, logits, epochs, epoch, failures } = result;
    if (result.interrupted) {
      process.stderr.write('interrupted: the same command goes on from here\n');
      return EXIT.interrupted;
    }
    await store(model);
    report = {
      ...common, images: training.labels.size, epochs, epoch, work: folder, seconds: seconds(), ...outcome(training, validation, failures),
    };
    if (validation !== undefined) {
      const scores = result.validation ?? await validateClassifier(model, logits, backbone, validation, config);
      report = withScores(report, config, scores);
    }
  }
  process.stdout.write(flags.json === true ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
  const listed = data.reduce((sum, lists) => sum + lists.listed, 0);
  if (report.missing > 0) process.stderr.write(describeMissing(report.missing, listed, '', 'photographs of the lists'));
  return report.failures.length > 0 || (flags.strict === true && report.missing > 0) ? EXIT.failures : EXIT.ok;
}

/** The classes that no training photograph is labelled with. */
function absentClasses({ labels }: TrainingData): string[] {
  const present = new Set([...labels.values()].flat());
  return VOC_CLASSES.filter((_, i) => !present.has(i));
}

function outcome(training: TrainingData, validation: TrainingData | undefined, failures: readonly { path: string; reason: string }[]) {
  const notes = [...training.notes, ...validation?.notes ?? []];
  return {
    missing: training.missing + (validation?.missing ?? 0),
    ...notes.length > 0 && { listNotes: notes },
    failures: [...training.failures, ...validation?.failures ?? [], ...failures.map(({ path: id, reason }) => ({ id, reason }))],
  };
}

function withScores(report: Report, { valSplit }: TrainConfig, { images, mean, perClass, failures }: Validation): Report {
  return {
    ...report,
    validation: { split: valSplit, images, map: mean, perClass: Object.fromEntries(VOC_CLASSES.map((name, i) => [name, perClass[i]])) },
    failures: [...report.failures, ...failures.map(({ path: id, reason }) => ({ id, reason }))],
  };
}

interface Report {
  out: string;
  mode: 'head' | 'full';
  layer: string;
  runtime: string;
  images: number;
  /** Classes that no training photograph shows. */
  absent: readonly string[];
  /** Mode head: views of each image, and how the regularisation was chosen. */
  views?: number;
  l2?: number;
  trials?: readonly { l2: number; map: number }[];
  /** Mode full: what became of each epoch, whose weights were kept, and where checkpoints, log and curves are. */
  epochs?: readonly EpochResult[];
  epoch?: number;
  work?: string;
  seconds: number;
  validation?: { split?: string; images: number; map: number; perClass: Record<string, number> };
  missing: number;
  listNotes?: readonly string[];
  failures: readonly { id: string; reason: string }[];
}

function describe({ out, mode, images, views, l2, epochs, epoch, work, seconds, validation, failures }: Report): string {
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
