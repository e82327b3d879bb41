import type { Command } from 'commander';
import { z } from 'zod';
import { chooseLayers } from '../../cam/layer-choice.js';
import { loadClassifier } from '../../classifier/load.js';
import { seedSettings } from '../../settings/cam.js';
import { generateSchema } from '../../settings/generate.js';
import { loadConfig } from '../../settings/load.js';
import { DEFAULT_PRESET, presetSettings } from '../../settings/presets.js';
import { watchInterrupt } from '../../jobs/stop/interrupt.js';
import { progressBar } from '../../jobs/progress.js';
import type { Progress } from '../../jobs/progress.js';
import { earlierTasks } from '../../jobs/journal/array-journal.js';
import { generateSeeds } from '../../pipeline/generate.js';
import type { GenerateSummary } from '../../pipeline/generate.js';
import { parseLabelSpec } from '../../voc/labels/create.js';
import { addConfigOption, addPrintConfigOption, printConfig, sayPreset, startOf } from '../options/config-options.js';
import type { ConfigFlags } from '../options/config-options.js';
import { showDefaults } from '../options/default-help.js';
import { addMaskOptions, addSelectionOptions, addStrictOption, describeMissing, inputsOf, noPhotographs, openLabels, openSelection, requireFlag } from '../options/devkit-options.js';
import type { DevkitFlags, MaskFlags, StrictFlags } from '../options/devkit-options.js';
import { GROUPS } from '../options/groups.js';
import { EXIT } from '../exit-codes.js';
import { idleNotes } from '../text/idle-notes.js';
import type { CommandRegistrar } from '../command.js';
import { sayModelNotes } from '../text/model-notes.js';
import { addForceOption, addModelOptions, modelOrDefault, specOfFlags } from '../options/model-options.js';
import type { ModelFlags } from '../options/model-options.js';
import { addSettings, givenSettings } from '../options/setting-options.js';
import { addShardOptions, chosenShard } from '../options/shard-options.js';
import type { ShardFlags } from '../options/shard-options.js';

/** The flags that are no settings; those are told by {@link givenSettings}. */
interface GenerateFlags extends ConfigFlags, DevkitFlags, StrictFlags, MaskFlags, ModelFlags, ShardFlags {
  resume: boolean;
  force?: boolean;
}

const examples = `
Examples:
  # Seeds for the train split; classes from the XML annotations
  voc-seeds generate --model classifier.onnx --voc-root VOCdevkit/VOC2012 --split train --labels xml --out seeds

  # The deepest layer alone, at a threshold of one's own
  voc-seeds generate --model classifier.onnx --voc-root VOCdevkit/VOC2012 --split train --labels xml --out deep --layers /32 --threshold 0.3

  # Undecided pixels become 255, which training ignores
  voc-seeds generate ... --threshold 0.3 --background-threshold 0.05

  # The second of four parts, on four machines with one output folder (in an array job of SLURM, SGE, PBS or Kubernetes without the flag)
  voc-seeds generate ... --shard 2/4

Exit codes: 0 all images written, 1 wrong usage or nothing could be done, 2 finished but some images failed (with
--strict: or are missing), 130 interrupted.
`;

/** `voc-seeds generate` */
export const registerGenerate: CommandRegistrar = (program, done) => {
  const command = program.command('generate').description('Make seeds: maps of every image\'s own classes (LayerCAM unless told otherwise), fused, thresholded, written as VOC label PNGs.');
  showDefaults(addGenerateOptions(command), () => presetSettings(generateSchema, DEFAULT_PRESET)).addHelpText('after', examples).action(async (flags: GenerateFlags) => { done(await run(flags)); });
};

function addGenerateOptions(command: Command): Command {
  addConfigOption(command);
  addSettings(command, generateSchema.shape);
  addMaskOptions(addStrictOption(addSelectionOptions(command)));
  addForceOption(addModelOptions(command));
  addShardOptions(command, true).option('--no-resume', 'do again what an earlier run has done');
  return addPrintConfigOption(command).optionsGroup(GROUPS.output).option('--json', 'print the summary as JSON');
}

async function run(flags: GenerateFlags): Promise<number> {
  const given = givenSettings(generateSchema.shape, flags);
  const config = await loadConfig(generateSchema, startOf(flags), given);
  if (flags.printConfig === true) {
    printConfig(config, flags);
    return EXIT.ok;
  }
  const folder = requireFlag(config.out, '--out', 'seeds');
  const selection = await openSelection({ ...flags, vocRoot: config.vocRoot, split: config.split }, 'imagePath');
  const labelSpec = parseLabelSpec(requireFlag(config.labels, '--labels', 'xml'));
  // A list that holds classes beside its images is its own label file.
  const listFile = config.labelFile ?? (labelSpec.kind === 'list' ? selection.split.path : undefined);
  const labels = await openLabels({ rgbMasks: flags.rgbMasks, labelFile: listFile, difficult: config.difficult }, selection.devkit, labelSpec);
  if (selection.items.length === 0) throw noPhotographs(selection);
  const classifier = await loadClassifier(modelOrDefault(config.model), await specOfFlags(flags), flags.force);
  sayModelNotes(classifier, chooseLayers(classifier.graph, config.layers, config.method));
  const { shard, task, note } = await chosenShard(flags, true, process.env, () => earlierTasks(folder)) ?? {};
  const say = (text: string): void => { process.stderr.write(`${text}\n`); };
  sayPreset(flags);
  for (const text of idleNotes(given, config, flags)) say(text);
  if (selection.missing.length > 0) say(`${selection.missing.length} of the split's photographs are not on disk and are left out`);
  if (shard !== undefined) say(note ?? `shard ${shard.index} of ${shard.count}`);

  let bar: Progress | undefined;
  const watch = watchInterrupt(() => { say('\ninterrupted: finishing the images in hand (once more to stop at once)'); });
  try {
    const summary = await generateSeeds({
      classifier,
      settings: z.object(seedSettings).parse(config),
      items: selection.items, missing: selection.missing, split: selection.split.name, splitItems: selection.split.items,
      // Another choice of objects makes other seeds.
      labels: config.difficult === false ? { ...labels, name: `${labels.name} without difficult objects` } : labels,
      out: folder, inputs: inputsOf(selection, labelSpec.file ?? listFile),
      format: config.png, saveCams: config.saveCams, saveUnrefined: config.saveUnrefined, resume: flags.resume, shard, task,
      runtime: { runtime: config.runtime, device: config.device }, workers: config.workers, threads: config.threads,
      record: { command: 'generate', vocRoot: selection.devkit.root, splitFile: selection.split.path, ...selection.split.notes.length > 0 && { listNotes: selection.split.notes } },
      signal: watch.signal,
      onRuntime: (description) => { say(`runtime: ${description}`); },
      onStart: (total, resumed, remade) => {
        if (resumed > 0) say(`${resumed} images were done before with the same settings`);
        if (remade > 0) say(`${remade} seeds of an earlier run were missing or damaged and are made again`);
        bar = progressBar(total, 'images');
      },
      onProgress: (ended) => bar?.advance(ended),
    });
    bar?.stop();
    process.stdout.write(flags.json === true ? `${JSON.stringify(summary, null, 2)}\n` : describe(summary));
    const { length: missing } = selection.missing;
    if (missing > 0) process.stderr.write(describeMissing(missing, selection.listed.length, ' (run.json lists them)'));
    if (summary.interrupted) return EXIT.interrupted;
    return summary.failures.length > 0 || (flags.strict === true && missing > 0) ? EXIT.failures : EXIT.ok;
  } finally {
    bar?.stop();
    watch.dispose();
  }
}

/** The most items that a list on the terminal names; run.json has them all. */
const MOST = 20;

function describe({ out, counts, failures, notes, remade, interrupted, seconds, imagesPerSecond, stages }: GenerateSummary): string {
  const lines = [
    `${counts.written} images written to ${out} in ${seconds.toFixed(1)} s (${imagesPerSecond}/s; of an image's time ${stages.read} ms reading, ${stages.cam} CAM, ${stages.seeds} seeds, ${stages.write} writing)`,
  ];
  if (counts.resumed > 0) lines.push(`${counts.resumed} had been done before`);
  if (remade.length > 0) lines.push(`${remade.length} of an earlier run were missing or damaged and were made again`);
  if (interrupted) lines.push(`interrupted with ${counts.left} images left; the same command resumes`);
  const list = (title: string, items: readonly string[]): void => {
    if (items.length === 0) return;
    lines.push(title, ...items.slice(0, MOST).map((item) => `  ${item}`));
    if (items.length > MOST) lines.push(`  ... and ${items.length - MOST} more, in run.json`);
  };
  list(`${failures.length} images failed:`, failures.map(({ id, reason }) => `${id}: ${reason}`));
  list(`${notes.length} images are worth a look:`, notes.map(({ id, notes: texts }) => `${id}: ${texts.join('; ')}`));
  return `${lines.join('\n')}\n`;
}
