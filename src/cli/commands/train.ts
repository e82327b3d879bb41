import { progressBar } from '../../jobs/progress.js';
import { watchInterrupt } from '../../jobs/stop/interrupt.js';
import type { InterruptWatch } from '../../jobs/stop/interrupt.js';
import { loadConfig } from '../../settings/load.js';
import { refuseIdle, trainSchema } from '../../settings/train.js';
import type { AlsoTrainOn } from '../../train/workflow/data.js';
import { trainClassifier } from '../../train/workflow/train-classifier.js';
import type { TrainReport } from '../../train/workflow/train-classifier.js';
import { trainStudent } from '../../train/workflow/train-student.js';
import type { StudentReport } from '../../train/workflow/train-student.js';
import { parseAlso } from '../options/also-option.js';
import { choice } from '../options/choice.js';
import { addPrintConfigOption, printConfig } from '../options/config-options.js';
import type { ConfigFlags } from '../options/config-options.js';
import { showDefaults } from '../options/default-help.js';
import { addMaskOptions, addSelectionOptions, addStrictOption, describeMissing } from '../options/devkit-options.js';
import type { DevkitFlags, MaskFlags, StrictFlags } from '../options/devkit-options.js';
import { GROUPS } from '../options/groups.js';
import { EXIT } from '../exit-codes.js';
import type { CommandRegistrar } from '../command.js';
import { addModelOptions, specOfFlags } from '../options/model-options.js';
import type { ModelFlags } from '../options/model-options.js';
import { argument } from '../options/parsers.js';
import { addSettings, givenSettings } from '../options/setting-options.js';
import { SUMMARIES } from './summaries.js';

/** The flags that are not settings. Those are read by {@link givenSettings}. */
interface TrainFlags extends ConfigFlags, DevkitFlags, StrictFlags, MaskFlags, ModelFlags {
  store: 'float32' | 'float16';
  resume: boolean;
}

const examples = `
Examples:
  # A VOC classifier from an ImageNet model: fits a 20-class head and leaves the features as they are
  voc-seeds train --mode head --backbone mobilenet_v1.onnx --preprocess tensorflow \\
    --voc-root VOCdevkit/VOC2012 --split train --labels xml --val-split val --val-labels masks --out classifier.onnx

  # All layers: fits a head first, then trains all weights. Run it again to continue after an interruption
  voc-seeds train --mode full --backbone mobilenet_v1.onnx --preprocess tensorflow --epochs 12 \\
    --voc-root VOCdevkit/VOC2012 --split train_aug --labels npy:cls_labels.npy --out classifier.onnx

  # A segmentation student of the bundled classifier, trained on seeds that generate wrote to out/voc
  voc-seeds train --mode segment --seeds out/voc --voc-root VOCdevkit/VOC2012 --split train --labels xml \\
    --val-split val --val-labels masks --out student.onnx

  # Two lists with images and classes, and a second devkit
  voc-seeds train --backbone mobilenet_v1.onnx --preprocess tensorflow --voc-root VOCdevkit/VOC2012 \\
    --split mine.txt,more.txt --labels list --also VOCdevkit/VOC2007,trainval,xml --out classifier.onnx

Features for the head are kept in the cache, so a second run with the same images and sizes only fits the head.

Exit codes: 0 the classifier is written; 1 wrong usage or an error; 2 the classifier is written, but some photographs failed
(or are missing, with --strict); 130 interrupted. Run the same command again to continue.
`;

/** `voc-seeds train` */
export const registerTrain: CommandRegistrar = (program, done) => {
  const command = program.command('train').description(SUMMARIES.train)
    .optionsGroup(GROUPS.settings)
    .option('--config <file>', 'settings in YAML, with the names of the flags in camelCase; flags override them');
  addSettings(command, trainSchema.shape)
    .optionsGroup(GROUPS.input)
    .option('--also <root,split,labels>', 'another list, with its own data set or labels; may be repeated', (text, before?: AlsoTrainOn[]) => argument((one) => parseAlso(one, before))(text));
  addModelOptions(addMaskOptions(addStrictOption(addSelectionOptions(command))))
    .optionsGroup(GROUPS.output)
    .addOption(choice('--store <precision>', 'the precision of the stored weights; computation stays in float32', ['float32', 'float16']).default('float32'))
    .option('--json', 'print the report as JSON')
    .optionsGroup(GROUPS.running)
    .option('--no-resume', 'start again if an earlier run was interrupted');
  addPrintConfigOption(command);
  showDefaults(command, () => trainSchema.parse({})).addHelpText('after', examples).action(async (flags: TrainFlags) => { done(await run(flags)); });
};

async function run(flags: TrainFlags): Promise<number> {
  const given = givenSettings(trainSchema.shape, flags);
  const config = await loadConfig(trainSchema, flags.config, given, { presets: [] });
  if (flags.printConfig === true) {
    printConfig(config, flags);
    return EXIT.ok;
  }
  // Flags are refused with their default values, too; a file may hold settings of several modes if they are the defaults.
  refuseIdle(config.mode, given);
  const { ids, limit, maskDir, rgbMasks, store, resume, strict } = flags;
  const say = (text: string): void => { process.stderr.write(`${text}\n`); };
  const stop = new AbortController();
  let watch: InterruptWatch | undefined;
  const train = config.mode === 'segment' ? trainStudent : trainClassifier;
  const result = await train({
    settings: config, spec: await specOfFlags(flags), ids, limit, maskDir, rgbMasks, store, resume, signal: stop.signal,
    inputs: flags.config === undefined ? [] : [flags.config],
    onMessage: say, onWork: progressBar,
    onFineTuning: (running) => {
      watch?.dispose();
      watch = running
        ? watchInterrupt(() => {
            say('\ninterrupted: writing a checkpoint (press Ctrl-C again to stop at once)');
            stop.abort();
          })
        : undefined;
    },
  });
  if (result === undefined) {
    say('interrupted: run the same command again to continue');
    return EXIT.interrupted;
  }
  const { report, listed } = result;
  process.stdout.write(flags.json === true ? `${JSON.stringify(report, null, 2)}\n` : report.mode === 'segment' ? describeStudent(report) : describe(report));
  if (report.missing > 0) process.stderr.write(describeMissing(report.missing, listed, '', 'photographs of the lists'));
  return report.failures.length > 0 || (strict === true && report.missing > 0) ? EXIT.failures : EXIT.ok;
}

function describe({ out, mode, images, views, l2, epochs, epoch, work, seconds, validation, failures }: TrainReport): string {
  const lines = [mode === 'head'
    ? `${out}: head fitted to ${images} images in ${views} views, l2 ${l2}, ${seconds} s`
    : `${out}: trained on ${images} images for ${epochs?.length} epochs, weights of epoch ${epoch}, ${seconds} s; curves in ${work}/training.html`];
  if (validation !== undefined) {
    lines.push('', `Average precision on ${validation.images} images of ${validation.split} (area under the precision/recall curve, VOC 2010 and later), in %:`, '',
      '| class | AP |', '|---|---:|', ...Object.entries(validation.perClass).map(([name, value]) => `| ${name} | ${percent(value)} |`), `| **mAP** | ${percent(validation.map)} |`);
  }
  return `${[...lines, ...failureLines(failures)].join('\n')}\n`;
}

function describeStudent({ out, images, seeds, epochs, epoch, work, seconds, validation, failures }: StudentReport): string {
  const lines = [`${out}: student trained on ${images} photographs with the seeds in ${seeds}, ${epochs.length} epochs, weights of epoch ${epoch}, ${seconds} s; curves in ${work}/training.html`];
  if (validation !== undefined) {
    const { split, images: scored, trainedOn, perLabel, iou } = validation;
    lines.push('', `IoU on ${scored} images of ${split}, ${trainedOn === 0 ? 'none of which it was trained on' : `${trainedOn} of which it was trained on`}, with the classes of each image known, in %:`, '',
      '| label | IoU |', '|---|---:|', ...Object.entries(perLabel).map(([name, value]) => `| ${name} | ${percent(value)} |`), `| **mIoU** | ${percent(iou)} |`);
  }
  return `${[...lines, ...failureLines(failures)].join('\n')}\n`;
}

function percent(value: number): string {
  return (Number.isNaN(value) ? 'absent' : (100 * value).toFixed(1)).padStart(6);
}

function failureLines(failures: TrainReport['failures']): string[] {
  return failures.length === 0 ? [] : ['', `${failures.length} photographs failed:`, ...failures.slice(0, 20).map(({ id, reason }) => `  ${id}: ${reason}`)];
}
