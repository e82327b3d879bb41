import { join } from 'node:path';
import type { Command } from 'commander';
import { ablationCsv, ablationJson, ablationMarkdown } from '../../ablate/format.js';
import { expandGrid } from '../../variants/grid.js';
import { ablationCharts, ablationPage } from '../../ablate/plots.js';
import { runPass } from '../../ablate/run.js';
import { scoreAblation } from '../../ablate/score.js';
import { bestTuned, variantFile } from '../../ablate/settings-file.js';
import type { AblationScores } from '../../ablate/score.js';
import { resolveVariants } from '../../variants/variant.js';
import { planWork } from '../../ablate/work.js';
import type { AblateConfig } from '../../settings/ablate.js';
import type { VariantSettings } from '../../settings/axes.js';
import { ablateSchema } from '../../settings/ablate.js';
import { AXIS_NAMES } from '../../settings/axes.js';
import { refuseOtherFile } from '../../settings/write.js';
import { DEFAULT_PRESET, presetSettings } from '../../settings/presets.js';
import { UserError } from '../../errors.js';
import { nearest } from '../../text/nearest.js';
import { refuseInputFile } from '../../jobs/journal/own-folder.js';
import { earlierTasks } from '../../jobs/journal/array-journal.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import { watchInterrupt } from '../../jobs/stop/interrupt.js';
import { packageVersion } from '../../package.js';
import { evalCommand, generateCommand } from '../text/ablate-command.js';
import { imagesOf, labelsOf } from './ablate-images.js';
import { describeBase, describePass, describePlan } from '../text/ablate-text.js';
import { few } from '../text/few.js';
import { addConfigOption, addPrintConfigOption, printConfig, startOf } from '../options/config-options.js';
import type { ConfigFlags } from '../options/config-options.js';
import { showDefaults } from '../options/default-help.js';
import { addMaskOptions, addSelectionOptions, addStrictOption, describeMissing, inputsOf, requireFlag } from '../options/devkit-options.js';
import type { DevkitFlags, MaskFlags, StrictFlags } from '../options/devkit-options.js';
import { loadGridConfig } from '../options/grid-options.js';
import { GROUPS } from '../options/groups.js';
import { EXIT } from '../exit-codes.js';
import { batchProgress } from '../text/batch-progress.js';
import type { CommandRegistrar } from '../command.js';
import { sayNetworkNotes, untrainedNote } from '../text/model-notes.js';
import { addForceOption, addModelOptions, openClassifier } from '../options/model-options.js';
import type { ModelFlags } from '../options/model-options.js';
import { addSettings } from '../options/setting-options.js';
import { addShardOptions, chosenShard, leftToOthers } from '../options/shard-options.js';
import type { ShardFlags } from '../options/shard-options.js';
import { SUMMARIES } from './summaries.js';

/** The flags that are not settings. Those are read by {@link loadGridConfig}. */
interface AblateFlags extends ConfigFlags, DevkitFlags, StrictFlags, MaskFlags, ModelFlags, ShardFlags {
  resume: boolean;
  force?: boolean;
  plan?: boolean;
  writeConfig?: string;
  writeVariant?: string;
}

const examples = `
Examples:
  # Which layers, which method, which gamma? 18 variants at 60 thresholds each, in one pass over the images
  voc-seeds ablate --voc-root VOCdevkit/VOC2012 --split train --labels xml --out ablation \\
    --layers /32 --layers /16,/32 --layers /8,/16,/32 --method layer-cam,grad-cam --gamma 1,2,3

  # Thresholds chosen on one list, scores and intervals on another
  voc-seeds ablate --voc-root VOCdevkit/VOC2012 --tune-on train --score-on val --labels xml --out ablation --fuse max,mean --refine none --refine pamr

  # A threshold for each class, tuned and written to a file, and seeds with it
  voc-seeds ablate --voc-root VOCdevkit/VOC2012 --split train --labels xml --out ablation --background per-class --write-config tuned.yaml
  voc-seeds generate --voc-root VOCdevkit/VOC2012 --split val --labels xml --config tuned.yaml --out seeds

  # Part 1 of 2, for two machines with the same output folder. The last one to finish computes the scores
  voc-seeds ablate ... --shard 1/2

  # Print what would be done
  voc-seeds ablate ... --plan

All combinations of the values of the options are scored, duplicates once. In a file (--config), 'grid' has a list of values
for each setting, and 'variants' is a list of variants with names.

--write-config writes a settings file with the best variant on the tuning images (those of --tune-on or --split) and its tuned
threshold, thresholds per class, alpha or percentile. 'generate --config FILE' then makes the seeds that were scored.

The same grids are scored by true boxes with 'voc-seeds localize', and by occlusion, insertion, deletion or ROAD with
'voc-seeds faithfulness'. Neither needs masks.

Variants start from --config, by default the preset ${DEFAULT_PRESET}. At the end, a generate command for the best variant is
printed. It has every setting that differs from the preset ${DEFAULT_PRESET}.

Exit codes: 0 all images are measured; 1 wrong usage or an error; 2 some images failed or have no mask (or are missing, with
--strict); 130 interrupted. Run the same command again to continue.
`;

/** `voc-seeds ablate` */
export const registerAblate: CommandRegistrar = (program, done) => {
  const command = program.command('ablate').description(SUMMARIES.ablate);
  showDefaults(addAblateOptions(command), () => presetSettings(ablateSchema, DEFAULT_PRESET)).addHelpText('after', examples).action(async (flags: AblateFlags) => { done(await run(flags)); });
};

function addAblateOptions(command: Command): Command {
  addConfigOption(command);
  addSettings(command, ablateSchema.shape, { several: true });
  addMaskOptions(addStrictOption(addSelectionOptions(command)));
  addForceOption(addModelOptions(command));
  addShardOptions(command, false)
    .option('--no-resume', 'process images again that an earlier run has finished')
    .option('--plan', 'print the variants and the planned work, and exit');
  return addPrintConfigOption(command).optionsGroup(GROUPS.output)
    .option('--write-config <file>', 'also write the variant with the best score on the tuning images, with its tuned thresholds, as a settings file for generate --config')
    .option('--write-variant <name>', 'the variant that --write-config writes, instead of the best one')
    .option('--json', 'print the result as JSON');
}

async function run(flags: AblateFlags): Promise<number> {
  const start = startOf(flags);
  const config = await loadGridConfig(ablateSchema, start, flags);
  if (flags.printConfig === true) {
    printConfig(config, flags);
    return EXIT.ok;
  }
  if (flags.writeVariant !== undefined && flags.writeConfig === undefined) {
    throw new UserError('--write-variant has no effect without --write-config', 'name the file to write: --write-config FILE');
  }
  const say = (text: string): void => { process.stderr.write(`${text}\n`); };
  const classifier = await openClassifier(config, flags);
  if (classifier.spec.untrained === true) say(`note: ${untrainedNote(classifier.path)}`);
  sayNetworkNotes(classifier.path, classifier.graph);
  const list = resolveVariants(classifier.graph, expandGrid(baseOf(config), config.grid, config.variants));
  const work = planWork(list.variants, classifier.graph.layers.map(({ name }) => name));
  const parameters = { thresholds: config.thresholds, alphas: config.alphas, percentiles: config.percentiles };
  say(describeBase(baseOf(config), start));
  if (flags.plan === true) {
    const names = list.variants.map(({ name }) => name).join('\n');
    process.stdout.write(flags.json === true ? `${JSON.stringify({ ...list, work }, null, 2)}\n` : `${names}\n${describePlan(list, work, config.thresholds)}\n`);
    return EXIT.ok;
  }
  const out = requireFlag(config.out, '--out', 'ablation');
  const names = list.variants.map(({ name }) => name);
  requireVariant('--baseline', config.baseline, [...names, 'best']);
  requireVariant('--write-variant', flags.writeVariant, names);
  const images = await imagesOf(flags, config);
  const labels = await labelsOf(flags, config, images);
  await checkSettingsFile(flags, [classifier.path, ...images.selections.flatMap((selection) => inputsOf(selection))]);
  if (images.missing > 0) say(`${images.missing} of the photographs are not on disk and are left out`);
  if (images.maskless.length > 0) say(`${images.maskless.length} photographs have no mask and are left out: ${few(images.maskless)}`);
  say(describePlan(list, work, config.thresholds));
  const { shard, task, note } = await chosenShard(flags, false, process.env, () => earlierTasks(out)) ?? {};
  if (shard !== undefined) say(note ?? `shard ${shard.index} of ${shard.count}`);

  const progress = batchProgress(say, 'records');
  const watch = watchInterrupt(() => { say('\ninterrupted: finishing the images in progress (press Ctrl-C again to stop at once)'); });
  try {
    const summary = await runPass({
      classifier, settings: config, work, parameters, items: images.items, labels, rgbMasks: flags.rgbMasks, classes: images.classes, out,
      inputs: images.selections.flatMap((selection) => inputsOf(selection)), resume: flags.resume, shard, task,
      runtime: { runtime: config.runtime, device: config.device }, workers: config.workers, threads: config.threads, batch: config.batch,
      signal: watch.signal, ...progress,
    });
    progress.stop();
    say(describePass(summary));
    if (!summary.interrupted && watch.signal.aborted) say('interrupted before scoring: run the same command again to continue');
    if (watch.signal.aborted) return EXIT.interrupted;
    if (summary.elsewhere > 0) {
      say(leftToOthers(summary.elsewhere));
      return summary.failures.length > 0 ? EXIT.failures : EXIT.ok;
    }
    // Scoring blocks this thread and has nothing to save, so from here on a signal ends the process at once.
    watch.dispose();
    const known = new Set(summary.done.map(({ id }) => id));
    const [tuneIds, scoreIds] = [images.tune, images.score].map((ids) => ids.filter((id) => known.has(id)));
    if (tuneIds.length === 0 || scoreIds.length === 0) throw new UserError('there is nothing to score: every image failed', summary.failures[0]?.reason);
    const result = await scoreAblation({ ...config, out, classes: images.classes, variants: list.variants, work, parameters, tuneIds, scoreIds });
    const { split, tuneOn, scoreOn, target, finerStrength, inputSize, ignoredAs, bootstrap, seed } = config;
    const { counts, failures, seconds, stages } = summary;
    const notes = images.selections.flatMap(({ split: { notes: said } }) => said);
    const json = {
      ...ablationJson(result, config),
      run: {
        command: 'ablate', modelPath: classifier.path, ...classifier.spec.untrained === true && { untrained: true }, labels: labels.name,
        split, tuneOn, scoreOn, target, finerStrength, inputSize, ...parameters, ignoredAs, bootstrap, seed, version: packageVersion(),
        counts: { ...counts, missing: images.missing, maskless: images.maskless.length }, failures, maskless: images.maskless, seconds, stages,
        ...notes.length > 0 && { listNotes: notes },
      },
    };
    await writeResults(out, result, json);
    process.stdout.write(flags.json === true ? `${JSON.stringify(json, null, 2)}\n` : `${ablationMarkdown(result)}\n`);
    if (flags.writeConfig !== undefined) {
      const { scores } = result;
      const chosen = scores.find(({ variant }) => variant.name === flags.writeVariant) ?? bestTuned(scores);
      const lists = { tuneOn: tuneOn ?? split ?? '', scoreOn: scoreOn ?? split ?? '' };
      const { model, prototypes, classSet } = config;
      const origin = { ...lists, labels: labels.name, classifier: classifier.path, given: { model, prototypes, classSet } };
      await writeFileAtomic(flags.writeConfig, variantFile(chosen, result, config, origin));
      say(`${flags.writeConfig}: the settings of '${chosen.variant.name}', tuned on ${lists.tuneOn}`);
    }
    say(`The best variant's seeds: ${generateCommand(result.scores[0], config, flags, images.classes)}`);
    say(`Their score: ${evalCommand(config, flags, { allowMissing: failures.length > 0 || images.missing > 0 })}`);
    if (images.missing > 0) process.stderr.write(describeMissing(images.missing, images.listed));
    const incomplete = failures.length > 0 || images.maskless.length > 0 || (flags.strict === true && images.missing > 0);
    return incomplete ? EXIT.failures : EXIT.ok;
  } finally {
    progress.stop();
    watch.dispose();
  }
}

/** @throws UserError if a flag names a variant that does not exist */
function requireVariant(flag: string, name: string | undefined, names: readonly string[]): void {
  if (name === undefined || names.includes(name)) return;
  const near = nearest(name, names);
  throw new UserError(`${flag}: there is no variant '${name}'`, near === undefined ? `use one of: ${names.join('; ')}` : `did you mean '${near}'?`);
}

/** @throws UserError if the settings file cannot be written without losing another file */
async function checkSettingsFile({ writeConfig, config }: AblateFlags, inputs: readonly string[]): Promise<void> {
  if (writeConfig === undefined) return;
  await refuseInputFile(writeConfig, '--write-config', [...inputs, config]);
  await refuseOtherFile(writeConfig, '--write-config');
}

/** The settings that variants start from. */
function baseOf(config: AblateConfig): VariantSettings {
  return Object.fromEntries(AXIS_NAMES.map((axis) => [axis, config[axis]])) as VariantSettings;
}

async function writeResults(out: string, result: AblationScores, json: Record<string, unknown>): Promise<void> {
  await writeFileAtomic(join(out, 'ablation.json'), `${JSON.stringify(json, null, 2)}\n`);
  await writeFileAtomic(join(out, 'ablation.csv'), ablationCsv(result));
  await writeFileAtomic(join(out, 'ablation.html'), ablationPage(result));
  for (const [name, svg] of ablationCharts(result)) await writeFileAtomic(join(out, 'plots', `${name}.svg`), svg);
}
