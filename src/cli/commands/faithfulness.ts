import { join } from 'node:path';
import type { Command } from 'commander';
import type { LoadedClassifier } from '../../classifier/load.js';
import { requireFlag, UserError } from '../../errors.js';
import { faithfulnessCsv, faithfulnessJson, faithfulnessMarkdown } from '../../faithfulness/format.js';
import { readPhotoList } from '../../pipeline/photo-list.js';
import type { PhotoList } from '../../pipeline/photo-list.js';
import { runFaithfulness, testOptionsOf } from '../../faithfulness/run.js';
import type { FaithfulnessSummary } from '../../faithfulness/run.js';
import { summarise } from '../../faithfulness/summary.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import { earlierTasks } from '../../jobs/journal/array-journal.js';
import { watchInterrupt } from '../../jobs/stop/interrupt.js';
import { columnsOf } from '../../metrics/faithfulness/tests.js';
import { packageVersion } from '../../package.js';
import { faithfulnessSchema } from '../../settings/faithfulness.js';
import type { FaithfulnessConfig } from '../../settings/faithfulness.js';
import { DEFAULT_PRESET, presetSettings } from '../../settings/presets.js';
import type { CommandRegistrar } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { addConfigOption, addPrintConfigOption, printConfig, sayPreset, startOf } from '../options/config-options.js';
import type { ConfigFlags } from '../options/config-options.js';
import { showDefaults } from '../options/default-help.js';
import { loadGridConfig, mapVariants } from '../options/grid-options.js';
import { GROUPS } from '../options/groups.js';
import { addForceOption, addModelOptions, openClassifier } from '../options/model-options.js';
import type { ModelFlags } from '../options/model-options.js';
import { parseCount } from '../options/parsers.js';
import { addSettings } from '../options/setting-options.js';
import { addShardOptions, chosenShard, leftToOthers } from '../options/shard-options.js';
import type { ShardFlags } from '../options/shard-options.js';
import { batchProgress } from '../text/batch-progress.js';
import { describeVariants } from '../text/variants-text.js';
import { SUMMARIES } from './summaries.js';

/** The flags that are not settings. Those are read by {@link loadGridConfig}. */
interface FaithfulnessFlags extends ConfigFlags, ModelFlags, ShardFlags {
  limit?: number;
  resume: boolean;
  force?: boolean;
}

const examples = `
Examples:
  # Three methods at the deepest layer, and LayerCAM of three layers
  voc-seeds faithfulness --list boxes.csv --images images --model googlenet.onnx --out faithfulness \\
    --layers /32@grad-cam --layers /32@grad-cam++ --layers /32@layer-cam --layers /8,/16,/32@layer-cam

  # A classifier that counts a background class in front of the 1000 classes of the list
  voc-seeds faithfulness --list boxes.csv --images images --model mobilenet.onnx --logit-offset 1 --out faithfulness

  # Only occlusion, at several thresholds and areas
  voc-seeds faithfulness --list val.txt --model classifier.onnx --tests occlusion --occlude-above 0.3,0.5,0.7 --occlude-area 5,10,20,40 --out faithfulness

  # ROAD of two methods
  voc-seeds faithfulness --list val.txt --model classifier.onnx --tests road --method grad-cam,layer-cam --out faithfulness

  # Part 1 of 2, for two machines with the same output folder. The last one to finish computes the means
  voc-seeds faithfulness ... --shard 1/2

All combinations of the values of the options are compared, the first one with each of the others. The output folder has
faithfulness.json, faithfulness.csv, and a record of each photograph, from which an interrupted run continues.

Exit codes: 0 all photographs are measured; 1 wrong usage or an error; 2 some photographs failed; 130 interrupted. Run the
same command again to continue.
`;

/** `voc-seeds faithfulness` */
export const registerFaithfulness: CommandRegistrar = (program, done) => {
  const command = program.command('faithfulness')
    .description(SUMMARIES.faithfulness);
  showDefaults(addOptions(command), () => presetSettings(faithfulnessSchema, DEFAULT_PRESET))
    .addHelpText('after', examples).action(async (flags: FaithfulnessFlags) => { done(await run(flags)); });
};

function addOptions(command: Command): Command {
  addConfigOption(command);
  addSettings(command, faithfulnessSchema.shape, { several: true });
  command.optionsGroup(GROUPS.input).option('--limit <n>', 'use only the first n photographs of the list', parseCount);
  addForceOption(addModelOptions(command));
  addShardOptions(command, false).option('--no-resume', 'process photographs again that an earlier run has finished');
  return addPrintConfigOption(command).optionsGroup(GROUPS.output).option('--json', 'print the result as JSON');
}

async function run(flags: FaithfulnessFlags): Promise<number> {
  const config = await loadGridConfig(faithfulnessSchema, startOf(flags), flags);
  if (flags.printConfig === true) {
    printConfig(config, flags);
    return EXIT.ok;
  }
  sayPreset(flags);
  const list = requireFlag(config.list, '--list', 'boxes.csv');
  const out = requireFlag(config.out, '--out', 'faithfulness');
  const classifier = await openClassifier(config, flags);
  const variants = mapVariants(classifier, config);
  const raw = variants.find(({ settings }) => settings.mapNorm === 'none');
  if (raw !== undefined) throw new UserError('--map-norm none: the tests need maps in 0..1', 'use --map-norm max');
  const photos = await readPhotoList(list, classifier, { folder: config.images, logitOffset: config.logitOffset });
  sayOffset(photos, classifier, config);
  const items = photos.items.slice(0, flags.limit);
  say(describeVariants(variants));

  const { shard, task, note } = await chosenShard(flags, false, process.env, () => earlierTasks(out)) ?? {};
  if (shard !== undefined) say(note ?? `shard ${shard.index} of ${shard.count}`);

  const progress = batchProgress(say, 'records');
  const watch = watchInterrupt(() => { say('\ninterrupted: finishing the photographs in progress (press Ctrl-C again to stop at once)'); });
  try {
    const summary = await runFaithfulness({
      classifier, settings: config, variants, items, classes: photos.classes, out, resume: flags.resume, shard, task,
      inputs: [list, classifier.path, ...config.images === undefined ? [] : [config.images]],
      runtime: { runtime: config.runtime, device: config.device }, workers: config.workers, threads: config.threads, signal: watch.signal,
      ...progress,
    });
    progress.stop();
    say(describe(summary));
    if (watch.signal.aborted) return EXIT.interrupted;
    if (summary.elsewhere > 0) {
      say(leftToOthers(summary.elsewhere));
      return summary.failures.length > 0 ? EXIT.failures : EXIT.ok;
    }
    watch.dispose();
    const { records, counts, failures, notes, seconds, stages } = summary;
    if (records.length === 0) throw new UserError('there is nothing to score: every photograph failed', failures[0]?.reason);
    const tests = testOptionsOf(config);
    const result = summarise(records.map(({ record }) => record), variants, columnsOf(tests), config);
    const { inputSize, fill, logitOffset, bootstrap, seed } = config;
    const json = {
      ...faithfulnessJson(result),
      run: {
        command: 'faithfulness', modelPath: classifier.path, list, logitOffset, inputSize, ...tests, fill, bootstrap, seed, version: packageVersion(),
        counts, failures, notes, seconds, stages,
      },
    };
    await writeFileAtomic(join(out, 'faithfulness.json'), `${JSON.stringify(json, null, 2)}\n`);
    await writeFileAtomic(join(out, 'faithfulness.csv'), faithfulnessCsv(result));
    process.stdout.write(flags.json === true ? `${JSON.stringify(json, null, 2)}\n` : `${faithfulnessMarkdown(result)}\n`);
    return failures.length > 0 ? EXIT.failures : EXIT.ok;
  } finally {
    progress.stop();
    watch.dispose();
  }
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A classifier may count a background class that a list of numbers does not count. */
function sayOffset({ numbered }: PhotoList, { path, spec }: LoadedClassifier, { logitOffset }: FaithfulnessConfig): void {
  if (!numbered || logitOffset !== 0 || spec.classes[0].toLowerCase() !== 'background') return;
  say(`note: the first class of ${path} is 'background'. If the list does not count it, use --logit-offset 1`);
}

/** The largest number of failures shown in the terminal. faithfulness.json lists all. */
const MOST = 20;

function describe({ counts, failures, notes, interrupted, seconds, stages }: FaithfulnessSummary): string {
  const { read, cam, tests, write } = stages;
  const shown = failures.slice(0, MOST).map(({ id, reason }) => `  ${id}: ${reason}`);
  return [
    `${counts.measured} photographs measured in ${seconds.toFixed(1)} s${counts.resumed > 0 ? `, ${counts.resumed} before` : ''} (per photograph ${read} ms reading, ${cam} CAM, ${tests} tests, ${write} writing)`,
    ...interrupted ? [`interrupted with ${counts.left} photographs left: run the same command again to continue`] : [],
    ...notes.length > 0 ? [`${notes.length} photographs have notes, listed in faithfulness.json; the first is ${notes[0].id}: ${notes[0].notes.join('; ')}`] : [],
    ...failures.length > 0 ? [`${failures.length} photographs failed:`, ...shown] : [],
    ...failures.length > MOST ? [`  ... and ${failures.length - MOST} more, in faithfulness.json`] : [],
  ].join('\n');
}
