import { join } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { stringify } from 'yaml';
import { ablationCsv, ablationJson, ablationMarkdown, generateFlags } from '../ablate/format.js';
import { expandGrid } from '../ablate/grid.js';
import { ablationCharts, ablationPage } from '../ablate/plots.js';
import { runPass } from '../ablate/run.js';
import { scoreAblation } from '../ablate/score.js';
import type { AblationScores } from '../ablate/score.js';
import { resolveVariants } from '../ablate/variant.js';
import { planWork } from '../ablate/work.js';
import { loadClassifier } from '../cam/load.js';
import type { AblateConfig, AxisName, Grid, VariantSettings } from '../config/ablate.js';
import { ablateSchema, AXIS_NAMES, gridSchema } from '../config/ablate.js';
import { describeIssues } from '../config/issues.js';
import { loadConfig } from '../config/load.js';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../jobs/files.js';
import { watchInterrupt } from '../jobs/interrupt.js';
import { progressBar } from '../jobs/progress.js';
import type { Progress } from '../jobs/progress.js';
import { IGNORED_AS } from '../metrics/scores.js';
import { packageVersion } from '../package.js';
import { imagesOf, labelsOf } from './ablate-images.js';
import { addGridOptions, gridOf, numbers } from './ablate-options.js';
import type { GridFlags } from './ablate-options.js';
import { describePass, describePlan, few } from './ablate-text.js';
import { addDevkitOptions, addLabelOptions, addMaskOptions, parseCount, requireFlag } from './devkit-options.js';
import type { DevkitFlags, LabelFlags, LabelSpec, MaskFlags } from './devkit-options.js';
import { EXIT } from './exit-codes.js';
import type { CommandRegistrar } from './main.js';
import { untrainedNote } from './model-notes.js';
import { addForceOption, addModelOptions, modelOrDefault, parseNumber, specOfFlags } from './model-options.js';
import type { ModelFlags } from './model-options.js';
import { addRuntimeOptions } from './runtime-options.js';
import type { RuntimeFlags } from './runtime-options.js';

interface AblateFlags extends DevkitFlags, LabelFlags, MaskFlags, ModelFlags, GridFlags, RuntimeFlags {
  config?: string;
  model?: string;
  out?: string;
  tuneOn?: string;
  scoreOn?: string;
  target?: string;
  inputSize?: string;
  maxPixels?: number;
  thresholds?: number;
  alphas?: number[];
  percentiles?: number[];
  ignoredAs?: string;
  bootstrap?: number;
  seed?: number;
  baseline?: string;
  resume: boolean;
  force?: boolean;
  workers?: number;
  threads?: number;
  plan?: boolean;
  printConfig?: boolean;
  json?: boolean;
}

const examples = `
Examples:
  # Which layers, which method, which gamma? 18 variants at 60 thresholds each, in one pass over the images
  voc-seeds ablate --voc-root VOCdevkit/VOC2012 --split train --labels xml --out ablation \\
    --layers /32 --layers /16,/32 --layers /8,/16,/32 --method layer-cam,grad-cam --gamma 1,2,3

  # Thresholds chosen on one list, scores and intervals on another
  voc-seeds ablate --voc-root VOCdevkit/VOC2012 --tune-on train --score-on val --labels xml --out ablation --fuse max,mean --refine none --refine pamr

  # What would be done
  voc-seeds ablate ... --plan

Every option that takes several values spans the grid: all combinations are scored; those that come to the same are scored
once. In a file (--config), 'grid' holds lists by the names of the settings, and 'variants' a list of variants with names.

Exit codes: 0 all images measured, 1 wrong usage or nothing could be done, 2 finished but some images failed or have no mask,
130 interrupted (the same command resumes).
`;

/** `voc-seeds ablate` */
export const registerAblate: CommandRegistrar = (program, done) => {
  const command = program.command('ablate').description('Score a grid of variants (layers, methods, fusion, scales, refiners, backgrounds) over all thresholds in one pass over the images.');
  addAblateOptions(command).addHelpText('after', examples).action(async (flags: AblateFlags) => { done(await run(flags)); });
};

function addAblateOptions(command: Command): Command {
  command
    .option('--config <file>', 'settings in YAML, by the names of the flags in camelCase; flags override them')
    .option('--model <file>', 'the classifier, an ONNX file (default: the one that comes with voc-seeds)')
    .option('--out <folder>', 'where the results go')
    .option('--tune-on <name|file>', 'choose thresholds on this split or list')
    .option('--score-on <name|file>', 'and score with them on this one');
  addMaskOptions(addLabelOptions(addDevkitOptions(command)));
  addGridOptions(command)
    .option('--target <target>', 'what of a class is explained: logit, softmax, sigmoid, log-softmax, margin (default: logit)')
    .option('--input-size <size>', 'size at the network: native, short:N, long:N or fixed:HxW (default: short:320)')
    .option('--max-pixels <n>', 'hold larger inputs down to this many pixels (default: 4194304)', parseCount)
    .option('--thresholds <n>', 'try the thresholds 0, 1/n, 2/n, ... (default: 60)', parseCount)
    .option('--alphas <a,...>', 'what --background power tries (default: 1,2,4,8,16,32)', numbers)
    .option('--percentiles <p,...>', 'what --background percentile tries (default: 30 to 95)', numbers)
    .addOption(new Option('--ignored-as <how>', 'how pixels labelled 255 count, of --conflict ignore (default: error)').choices(IGNORED_AS))
    .option('--bootstrap <n>', 'resamples of the images for the intervals, 0 for none (default: 1000)', parseNumber)
    .option('--seed <n>', 'of the resamples (default: 1)', parseNumber)
    .option('--baseline <name>', 'the variant that the others are compared with, or best (default: the first one)');
  return addRuntimeOptions(addForceOption(addModelOptions(command)))
    .option('--no-resume', 'do again what an earlier run has done')
    .option('--workers <n>', 'worker threads, each working on images of its own (default: one per processor)', parseCount)
    .option('--threads <n>', 'threads within each worker (default: 1)', parseCount)
    .option('--plan', 'print the variants and what they share, and stop')
    .option('--print-config', 'print the settings that result from file and flags, and stop')
    .option('--json', 'print the result as JSON');
}

async function run(flags: AblateFlags): Promise<number> {
  const config = await configOf(flags);
  if (flags.printConfig === true) {
    process.stdout.write(flags.json === true ? `${JSON.stringify(config, null, 2)}\n` : stringify(config));
    return EXIT.ok;
  }
  const say = (text: string): void => { process.stderr.write(`${text}\n`); };
  const classifier = await loadClassifier(modelOrDefault(config.model), await specOfFlags(flags), flags.force);
  if (classifier.spec.untrained === true) say(`note: ${untrainedNote(classifier.path)}`);
  const list = resolveVariants(classifier.graph, expandGrid(baseOf(config), config.grid, config.variants));
  const work = planWork(list.variants, classifier.graph.layers.map(({ name }) => name));
  const parameters = { thresholds: config.thresholds, alphas: config.alphas, percentiles: config.percentiles };
  if (flags.plan === true) {
    const names = list.variants.map(({ name }) => name).join('\n');
    process.stdout.write(flags.json === true ? `${JSON.stringify({ ...list, work }, null, 2)}\n` : `${names}\n${describePlan(list, work, config.thresholds)}\n`);
    return EXIT.ok;
  }
  const out = requireFlag(config.out, '--out', 'ablation');
  const { baseline } = config;
  if (baseline !== undefined && baseline !== 'best' && !list.variants.some(({ name }) => name === baseline)) {
    throw new UserError(`there is no variant '${baseline}' to compare with`, `name one of: ${list.variants.map(({ name }) => name).join('; ')}; or best`);
  }
  const images = await imagesOf(flags, config);
  const labels = await labelsOf(flags, config, images);
  if (images.missing > 0) say(`${images.missing} of the photographs are not on disk and are left out`);
  if (images.maskless.length > 0) say(`${images.maskless.length} photographs have no mask and are left out: ${few(images.maskless)}`);
  say(describePlan(list, work, config.thresholds));

  let bar: Progress | undefined;
  const watch = watchInterrupt(() => { say('\ninterrupted: finishing the images in hand (once more to stop at once)'); });
  try {
    const summary = await runPass({
      classifier, settings: config, work, parameters, items: images.items, labels, rgbMasks: flags.rgbMasks, out, resume: flags.resume,
      runtime: { runtime: config.runtime, device: config.device }, workers: config.workers, threads: config.threads, stopped: watch.interrupted,
      onRuntime: (description) => { say(`runtime: ${description}`); },
      onStart: (total, resumed) => {
        if (resumed > 0) say(`${resumed} images were done before with the same settings`);
        bar = progressBar(total, 'images');
      },
      onProgress: (ended) => bar?.advance(ended),
    });
    bar?.stop();
    say(describePass(summary));
    if (summary.interrupted) return EXIT.interrupted;
    const known = new Set(summary.done.map(({ id }) => id));
    const [tuneIds, scoreIds] = [images.tune, images.score].map((ids) => ids.filter((id) => known.has(id)));
    if (tuneIds.length === 0 || scoreIds.length === 0) throw new UserError('there is nothing to score: every image failed', summary.failures[0]?.reason);
    const result = await scoreAblation({ ...config, out, variants: list.variants, work, parameters, tuneIds, scoreIds });
    const { split, tuneOn, scoreOn, target, inputSize, ignoredAs, bootstrap, seed } = config;
    const { counts, failures, seconds, stages } = summary;
    const json = {
      ...ablationJson(result),
      run: {
        command: 'ablate', modelPath: classifier.path, ...classifier.spec.untrained === true && { untrained: true }, labels: labels.name, split, tuneOn, scoreOn, target, inputSize, ...parameters,
        ignoredAs, bootstrap, seed, version: packageVersion(),
        counts: { ...counts, missing: images.missing, maskless: images.maskless.length }, failures, maskless: images.maskless, seconds, stages,
      },
    };
    await writeResults(out, result, json);
    process.stdout.write(flags.json === true ? `${JSON.stringify(json, null, 2)}\n` : `${ablationMarkdown(result)}\n`);
    say(`The best variant's seeds: voc-seeds generate ${generateFlags(result.scores[0])} ...`);
    return summary.failures.length > 0 || images.maskless.length > 0 ? EXIT.failures : EXIT.ok;
  } finally {
    bar?.stop();
    watch.dispose();
  }
}

/** A flag with one value is a base setting; one with several spans the grid. Both take the place of the file's values. */
async function configOf(flags: AblateFlags): Promise<AblateConfig> {
  const grid = gridOf(flags);
  const single = AXIS_NAMES.filter((axis) => grid[axis]?.length === 1);
  const { target, inputSize, maxPixels, thresholds, alphas, percentiles, ignoredAs, bootstrap, seed, baseline, difficult, labelFile } = flags;
  const { model, out, vocRoot, split, tuneOn, scoreOn, runtime, device, workers, threads } = flags;
  const config = await loadConfig(ablateSchema, flags.config, {
    ...Object.fromEntries(single.map((axis) => [axis, grid[axis]![0]])),
    target, inputSize, maxPixels, thresholds, alphas, percentiles, ignoredAs, bootstrap, seed, baseline, difficult, labelFile,
    model, out, vocRoot, split, tuneOn, scoreOn, runtime, device, workers, threads, labels: labelText(flags.labels),
  });
  const kept = Object.entries(config.grid).filter(([axis]) => !single.includes(axis as AxisName));
  const several = Object.entries(grid).filter(([, values]) => values.length > 1);
  return { ...config, grid: parseGrid(Object.fromEntries([...kept, ...several])) };
}

function parseGrid(grid: unknown): Grid {
  const parsed = gridSchema.safeParse(grid);
  if (!parsed.success) throw new UserError(`the variants are not valid: ${describeIssues(parsed.error)}`);
  return parsed.data;
}

function labelText(spec: LabelSpec | undefined): string | undefined {
  if (spec === undefined) return undefined;
  return spec.file === undefined ? spec.kind : `${spec.kind}:${spec.file}`;
}

/** What every variant has where nothing else is said. */
function baseOf(config: AblateConfig): VariantSettings {
  return Object.fromEntries(AXIS_NAMES.map((axis) => [axis, config[axis]])) as VariantSettings;
}

async function writeResults(out: string, result: AblationScores, json: Record<string, unknown>): Promise<void> {
  await writeFileAtomic(join(out, 'ablation.json'), `${JSON.stringify(json, null, 2)}\n`);
  await writeFileAtomic(join(out, 'ablation.csv'), ablationCsv(result));
  await writeFileAtomic(join(out, 'ablation.html'), ablationPage(result));
  for (const [name, svg] of ablationCharts(result)) await writeFileAtomic(join(out, 'plots', `${name}.svg`), svg);
}
