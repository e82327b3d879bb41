import { Command } from 'commander';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { truthFile } from '../../datasets/truth.js';
import { loadConfig } from '../../settings/load.js';
import { pipelineSchema } from '../../settings/pipeline.js';
import type { CommandRegistrar, ExitCode } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { addSelectionOptions, noPhotographs, openSelection, requireFlag } from '../options/devkit-options.js';
import type { DevkitFlags, Selection } from '../options/devkit-options.js';
import { addPrintConfigOption, printConfig } from '../options/config-options.js';
import type { ConfigFlags } from '../options/config-options.js';
import { showDefaults } from '../options/default-help.js';
import { GROUPS } from '../options/groups.js';
import { addSettings, givenSettings } from '../options/setting-options.js';
import { registerEval } from './eval.js';
import { registerGenerate } from './generate.js';
import { FEATURE_BYTES, pipelinePaths, pipelineStages } from './pipeline-stages.js';
import type { Stage } from './pipeline-stages.js';
import { registerReport } from './report.js';
import { registerTrain } from './train.js';
import { SUMMARIES } from './summaries.js';

interface PipelineFlags extends ConfigFlags, DevkitFlags {
  plan?: boolean;
}

const examples = `
Examples:
  # The whole way: seeds, a student trained on them, its labels, their scores, a report
  voc-seeds pipeline --voc-root VOCdevkit/VOC2012 --split train --labels xml --out pseudo

  # Only show the plan
  voc-seeds pipeline --voc-root VOCdevkit/VOC2012 --split train --labels xml --out pseudo --plan

  # Another data set and classifier, with settings that work for every network
  voc-seeds pipeline --data coco:coco --split train2017 --model classifier.onnx --seeds-of fast --out pseudo

Each stage is a command that the plan shows, and can also be run alone. Training uses the image-level labels, never masks.
Features of the student's frozen layers stay in OUT/student.onnx.features until all stages are done, or for good with --keep-features.

Exit codes: 0 all stages are done; 1 wrong usage or an error; 2 some images failed; 130 interrupted. Run the same command again
to continue.
`;

/** `voc-seeds pipeline` */
export const registerPipeline: CommandRegistrar = (program, done) => {
  const command = program.command('pipeline').description(SUMMARIES.pipeline);
  addSelectionOptions(addSettings(command, pipelineSchema.shape));
  addPrintConfigOption(command).optionsGroup(GROUPS.output).option('--plan', 'show the stages and their commands, and exit');
  showDefaults(command, () => pipelineSchema.parse({})).addHelpText('after', examples)
    .action(async (flags: PipelineFlags) => { done(await run(flags)); });
};

const registrars = { generate: registerGenerate, train: registerTrain, eval: registerEval, report: registerReport };

async function run(flags: PipelineFlags): Promise<ExitCode> {
  const config = await loadConfig(pipelineSchema, undefined, givenSettings(pipelineSchema.shape, flags));
  if (flags.printConfig === true) {
    printConfig(config, flags);
    return EXIT.ok;
  }
  const out = requireFlag(config.out, '--out', 'pseudo');
  const selection = await openSelection({ ...flags, ...config }, 'imagePath');
  if (selection.items.length === 0) throw noPhotographs(selection);
  const stages = pipelineStages(config, out, { selection: selectionFlags(flags), scored: hasTruth(selection) });
  const say = (text: string): void => { process.stderr.write(`${text}\n`); };
  const { features, labels } = pipelinePaths(out);
  say(planText(stages, selection.items.length));
  say(featuresText(features, selection.items.length, config.keepFeatures));
  if (flags.plan === true) return EXIT.ok;
  let worst: ExitCode = EXIT.ok;
  for (const [i, stage] of stages.entries()) {
    say(`\n[${i + 1}/${stages.length}] ${stage.title}`);
    const code = await runCommand(stage);
    if (code === EXIT.fatal || code === EXIT.interrupted) return code;
    worst = Math.max(worst, code);
  }
  if (!config.keepFeatures) await rm(features, { recursive: true, force: true });
  say(`\npseudo-labels: ${labels}`);
  return worst;
}

/** Runs a command in this process. */
async function runCommand(stage: Stage): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = new Command('voc-seeds').exitOverride();
  registrars[stage.command](program, (own) => { code = own; });
  for (const command of program.commands) command.exitOverride();
  await program.parseAsync([stage.command, ...stage.arguments], { from: 'user' });
  return code;
}

/** The flags of {@link addSelectionOptions}, as given. */
function selectionFlags({ maskDir, ids, limit }: DevkitFlags): string[] {
  return [
    ...maskDir === undefined ? [] : ['--mask-dir', maskDir],
    ...ids === undefined ? [] : ['--ids', ids.join(',')],
    ...limit === undefined ? [] : ['--limit', String(limit)],
  ];
}

function hasTruth({ items }: Selection): boolean {
  return items.some(({ truth }) => truth !== undefined && existsSync(truthFile(truth)));
}

function planText(stages: readonly Stage[], photos: number): string {
  const processors = availableParallelism();
  const minutes = ({ secondsPerPhoto }: Stage): number => secondsPerPhoto * photos / processors / 60;
  const total = stages.reduce((sum, stage) => sum + minutes(stage), 0);
  const lines = stages.flatMap((stage, i) => [
    `  ${i + 1}. ${stage.title}, about ${aboutMinutes(minutes(stage))}`,
    `     voc-seeds ${[stage.command, ...stage.arguments].map(quoted).join(' ')}`,
  ]);
  return [
    `${photos} photographs, about ${aboutMinutes(total)} on ${processors} ${processors === 1 ? 'processor' : 'processors'} (with a classifier like the bundled one; less if an earlier run is continued)`,
    ...lines,
  ].join('\n');
}

function featuresText(folder: string, photos: number, kept: boolean): string {
  const size = photos * FEATURE_BYTES;
  const about = size < 1e9 ? `${Math.ceil(size / 1e6)} MB` : `${(size / 1e9).toFixed(1)} GB`;
  return `stage 2 writes about ${about} of features to ${folder}, ${kept ? 'which stay there' : 'which are removed at the end'}`;
}

function aboutMinutes(minutes: number): string {
  if (minutes < 1) return 'a minute';
  return minutes < 90 ? `${Math.ceil(minutes)} minutes` : `${(minutes / 60).toFixed(1)} hours`;
}

function quoted(argument: string): string {
  return /^[\w./:=,@+-]+$/.test(argument) ? argument : `'${argument.replaceAll('\'', '\'\\\'\'')}'`;
}
