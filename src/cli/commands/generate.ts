import type { Command } from 'commander';
import { z } from 'zod';
import { chooseLayers } from '../../cam/layer-choice.js';
import { loadStudent } from '../../student/load.js';
import { studentSettings } from '../../student/settings.js';
import { seedSettings } from '../../settings/cam.js';
import { generateSchema } from '../../settings/generate.js';
import { loadConfig } from '../../settings/load.js';
import { DEFAULT_PRESET, presetSettings } from '../../settings/presets.js';
import { watchInterrupt } from '../../jobs/stop/interrupt.js';
import { earlierTasks } from '../../jobs/journal/array-journal.js';
import { generateSeeds } from '../../pipeline/generate.js';
import { openSeedFolder } from '../../pipeline/seed-folder.js';
import type { GenerateSummary } from '../../pipeline/generate.js';
import { addConfigOption, addPrintConfigOption, printConfig, sayPreset, startOf } from '../options/config-options.js';
import type { ConfigFlags } from '../options/config-options.js';
import { showDefaults } from '../options/default-help.js';
import { addMaskOptions, addSelectionOptions, addStrictOption, describeMissing, inputsOf, noPhotographs, openRunLabels, openSelection, requireFlag } from '../options/devkit-options.js';
import type { DevkitFlags, MaskFlags, Selection, StrictFlags } from '../options/devkit-options.js';
import { GROUPS } from '../options/groups.js';
import { EXIT } from '../exit-codes.js';
import { idleNotes } from '../text/idle-notes.js';
import { batchProgress } from '../text/batch-progress.js';
import type { CommandRegistrar } from '../command.js';
import { sayModelNotes } from '../text/model-notes.js';
import { addForceOption, addModelOptions, openClassifier } from '../options/model-options.js';
import type { ModelFlags } from '../options/model-options.js';
import { addSettings, givenSettings } from '../options/setting-options.js';
import { addShardOptions, chosenShard } from '../options/shard-options.js';
import type { ShardFlags } from '../options/shard-options.js';
import { SUMMARIES } from './summaries.js';

/** The flags that are not settings. Those are read by {@link givenSettings}. */
interface GenerateFlags extends ConfigFlags, DevkitFlags, StrictFlags, MaskFlags, ModelFlags, ShardFlags {
  resume: boolean;
  force?: boolean;
}

const examples = `
Examples:
  # Seeds for the train split, with classes from the XML annotations
  voc-seeds generate --model classifier.onnx --voc-root VOCdevkit/VOC2012 --split train --labels xml --out seeds

  # Only the deepest layer, with another threshold
  voc-seeds generate --model classifier.onnx --voc-root VOCdevkit/VOC2012 --split train --labels xml --out deep --layers /32 --threshold 0.3

  # Uncertain pixels become 255, which training ignores
  voc-seeds generate ... --threshold 0.3 --background-threshold 0.05

  # The most reliable labels: pixels on which the presets best and fast differ become 255
  voc-seeds generate ... --config best --agree fast

  # With a segmentation network that was trained on seeds, together with seeds of maps
  voc-seeds generate ... --student student.onnx --config best --cam-weight 0.3

  # Part 2 of 4, for four machines with the same output folder (array jobs of SLURM, SGE, PBS and Kubernetes need no --shard)
  voc-seeds generate ... --shard 2/4

Exit codes: 0 all images are written; 1 wrong usage or an error; 2 some images failed (or are missing, with --strict);
130 interrupted. Run the same command again to continue.
`;

/** `voc-seeds generate` */
export const registerGenerate: CommandRegistrar = (program, done) => {
  const command = program.command('generate').description(SUMMARIES.generate);
  showDefaults(addGenerateOptions(command), () => presetSettings(generateSchema, DEFAULT_PRESET)).addHelpText('after', examples).action(async (flags: GenerateFlags) => { done(await run(flags)); });
};

function addGenerateOptions(command: Command): Command {
  addConfigOption(command);
  addSettings(command, generateSchema.shape);
  addMaskOptions(addStrictOption(addSelectionOptions(command)));
  addForceOption(addModelOptions(command));
  addShardOptions(command, true).option('--no-resume', 'process images again that an earlier run has finished');
  return addPrintConfigOption(command).optionsGroup(GROUPS.output).option('--json', 'print the summary as JSON');
}

async function run(flags: GenerateFlags): Promise<number> {
  const given = givenSettings(generateSchema.shape, flags);
  const config = await loadConfig(generateSchema, startOf(flags), given);
  if (flags.printConfig === true) {
    printConfig(config, flags);
    return EXIT.ok;
  }
  const others = await Promise.all((config.agree ?? []).map((name) => loadConfig(generateSchema, name, {})));
  const folder = requireFlag(config.out, '--out', 'seeds');
  const selection = await openSelection({ ...flags, ...config }, 'imagePath');
  const { labels, file: labelFile } = await openRunLabels({ ...config, rgbMasks: flags.rgbMasks }, selection, selection.split.path);
  if (selection.items.length === 0) throw noPhotographs(selection);
  const camSeeds = config.camSeeds === undefined ? undefined : await openSeedFolder(config.camSeeds, '--cam-seeds');
  const student = config.student === undefined
    ? undefined
    : {
        student: await loadStudent(config.student), camSeeds,
        settings: z.object(studentSettings).omit({ student: true, camSeeds: true }).parse(config),
      };
  // A student alone needs no classifier.
  const classifier = student !== undefined && (student.settings.camWeight === 0 || camSeeds !== undefined)
    ? undefined
    : await openClassifier({ ...config, prototypes: [config, ...others].find((own) => own.prototypes !== undefined)?.prototypes }, flags);
  if (classifier !== undefined) sayModelNotes(classifier, chooseLayers(classifier.graph, config.layers, config.method));
  const { shard, task, note } = await chosenShard(flags, true, process.env, () => earlierTasks(folder)) ?? {};
  const say = (text: string): void => { process.stderr.write(`${text}\n`); };
  if (classifier !== undefined) sayPreset(flags);
  for (const text of idleNotes(given, config, flags)) say(text);
  if (selection.missing.length > 0) say(`${selection.missing.length} of the split's photographs are not on disk and are left out`);
  if (shard !== undefined) say(note ?? `shard ${shard.index} of ${shard.count}`);

  const progress = batchProgress(say, 'seeds');
  const watch = watchInterrupt(() => { say('\ninterrupted: finishing the images in progress (press Ctrl-C again to stop at once)'); });
  try {
    const summary = await generateSeeds({
      classifier, student,
      settings: z.object(seedSettings).parse(config), agree: others.map((own) => z.object(seedSettings).parse(own)),
      items: selection.items, missing: selection.missing, split: selection.split.name, splitItems: selection.split.items,
      labels, classes: selection.classes,
      out: folder, inputs: [...inputsOf(selection, labelFile), ...camSeeds === undefined ? [] : [camSeeds.path]],
      format: config.png, saveCams: config.saveCams, saveUnrefined: config.saveUnrefined, soft: config.soft, resume: flags.resume, shard, task,
      runtime: { runtime: config.runtime, device: config.device }, workers: config.workers, threads: config.threads, batch: config.batch,
      record: { command: 'generate', ...dataRecord(selection), splitFile: selection.split.path, ...selection.split.notes.length > 0 && { listNotes: selection.split.notes } },
      signal: watch.signal,
      ...progress,
    });
    progress.stop();
    process.stdout.write(flags.json === true ? `${JSON.stringify(summary, null, 2)}\n` : describe(summary));
    const { length: missing } = selection.missing;
    if (missing > 0) process.stderr.write(describeMissing(missing, selection.listed.length, ' (run.json lists them)'));
    if (summary.interrupted) return EXIT.interrupted;
    return summary.failures.length > 0 || (flags.strict === true && missing > 0) ? EXIT.failures : EXIT.ok;
  } finally {
    progress.stop();
    watch.dispose();
  }
}

/** The data set in run.json. */
function dataRecord({ data }: Selection): Record<string, string> {
  return data.devkit === undefined ? { data: data.name } : { vocRoot: data.root };
}

/** The largest number of items shown in the terminal. run.json lists all. */
const MOST = 20;

function describe({ out, counts, failures, notes, remade, interrupted, seconds, imagesPerSecond, stages }: GenerateSummary): string {
  const lines = [
    `${counts.written} images written to ${out} in ${seconds.toFixed(1)} s (${imagesPerSecond}/s; per image ${stages.read} ms reading, ${stages.cam} CAM, ${stages.seeds} seeds, ${stages.write} writing)`,
  ];
  if (counts.resumed > 0) lines.push(`${counts.resumed} had been done before`);
  if (counts.withoutClasses > 0) lines.push(`${counts.withoutClasses} ${counts.withoutClasses === 1 ? 'image has' : 'images have'} no class: all background`);
  if (remade.length > 0) lines.push(`${remade.length} of an earlier run were missing or damaged and were made again`);
  if (interrupted) lines.push(`interrupted with ${counts.left} images left: run the same command again to continue`);
  const list = (title: string, items: readonly string[]): void => {
    if (items.length === 0) return;
    lines.push(title, ...items.slice(0, MOST).map((item) => `  ${item}`));
    if (items.length > MOST) lines.push(`  ... and ${items.length - MOST} more, in run.json`);
  };
  list(`${failures.length} images failed:`, failures.map(({ id, reason }) => `${id}: ${reason}`));
  list(`${notes.length} images have notes:`, notes.map(({ id, notes: texts }) => `${id}: ${texts.join('; ')}`));
  return `${lines.join('\n')}\n`;
}
