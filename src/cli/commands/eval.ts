import { dirname, join, resolve } from 'node:path';
import { Option } from 'commander';
import { UserError } from '../../errors.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import { isFolder } from '../../jobs/files/is-folder.js';
import { refuseInputFile } from '../../jobs/journal/own-folder.js';
import { evaluatePairs } from '../../metrics/evaluate.js';
import type { EvaluationResult } from '../../metrics/evaluate.js';
import { evaluationCsv, evaluationJson, evaluationMarkdown, imagesJson, imagesMarkdown, worstImages } from '../../metrics/format.js';
import { maskIdsIn, partitionByPrediction } from '../../metrics/pairs.js';
import type { MaskPair } from '../../metrics/score-pairs.js';
import { IGNORED_AS } from '../../metrics/scores.js';
import type { IgnoredAs } from '../../metrics/scores.js';
import type { ClassSet } from '../../datasets/classes/class-set.js';
import { maskPathOf, whatLiesInPlaceOf } from '../../datasets/files-by-id.js';
import { FolderIndex } from '../../datasets/folder-index.js';
import { truthFile } from '../../datasets/truth.js';
import type { TruthInput } from '../../datasets/truth.js';
import { choice } from '../options/choice.js';
import { addDevkitOptions, addLabelOptions, addMaskOptions, addStrictOption, classesOf, openSelection, requireFlag } from '../options/devkit-options.js';
import type { DevkitFlags, MaskFlags, StrictFlags } from '../options/devkit-options.js';
import { mapsCsv, mapsJson, mapsMarkdown, mapsNotes, scoreMaps } from './eval-maps.js';
import type { EvalMapsFlags } from './eval-maps.js';
import { GROUPS } from '../options/groups.js';
import { parseCount, parseCountUpTo, parseNumber, parseWorkers } from '../options/parsers.js';
import { EXIT } from '../exit-codes.js';
import type { CommandRegistrar, ExitCode } from '../command.js';
import { loadCliProgress } from '../../jobs/cli-progress.js';
import { itemsOfShard } from '../../jobs/journal/shard.js';
import type { Shard } from '../../jobs/journal/shard.js';
import { addShardOptions, chosenShard } from '../options/shard-options.js';
import type { ShardFlags } from '../options/shard-options.js';
import { few } from '../text/few.js';
import { SUMMARIES } from './summaries.js';

interface EvalFlags extends DevkitFlags, StrictFlags, MaskFlags, EvalMapsFlags, ShardFlags {
  pred?: string;
  maps?: string;
  gt?: string;
  allowMissing?: boolean;
  ignoredAs: IgnoredAs;
  byImage?: number;
  csv?: string | true;
  json?: boolean;
  workers?: number;
}

const examples = `
Examples:
  voc-seeds eval --voc-root VOCdevkit/VOC2012 --split train --pred seeds/SegmentationClass
  voc-seeds eval --voc-root VOCdevkit/VOC2012 --split train_aug.txt --mask-dir SegmentationClassAug --pred seeds/SegmentationClass
  voc-seeds eval --gt masks --pred seeds/SegmentationClass --by-image 10
  voc-seeds eval --voc-root VOCdevkit/VOC2012 --split val --pred seeds/SegmentationClass --json > scores.json
  voc-seeds eval --voc-root VOCdevkit/VOC2012 --split train --pred seeds/SegmentationClass --shard 1/4 --json > part1.json
  voc-seeds merge part1.json part2.json part3.json part4.json
  voc-seeds eval --voc-root VOCdevkit/VOC2012 --split train --maps seeds/cams
  voc-seeds eval --voc-root VOCdevkit/VOC2012 --split train --maps irn/result/cam --threshold 0.15

IoU is TP / (TP + FP + FN) over the pixels of all images, as in the VOC devkit. The columns over and under are FP and FN as a
share of that union. Pixels whose ground truth is 255 are left out. Pixels predicted as 255 are scored in three ways: as errors
(missed, but no false positive of any class), as background, and left out (look at the coverage as well). Classes that are
neither in the ground truth nor predicted are left out of the means.

--maps scores class activation maps at every threshold: <id>.npz of voc-seeds generate --save-cams, or <id>.npy of IRN, PSA
and CLIP-ES. A pixel belongs to the class with the largest map, if that exceeds the threshold. The best threshold is chosen
with the masks, so its score is an upper bound and not what the maps give on other images.

The exit code is 1 if predictions are missing (unless --allow-missing is given), and 2 if some images could not be scored: an
unreadable mask, different sizes, values that are not labels. Images without ground truth are only counted; with --strict they
also give exit code 2.`;

/** `voc-seeds eval`: scores label masks against ground truth. */
export const registerEval: CommandRegistrar = (program, done) => {
  const command = program.command('eval').description(SUMMARIES.eval);
  addLabelOptions(addMaskOptions(addStrictOption(addDevkitOptions(command))))
    .optionsGroup('What is scored:')
    .option('--pred <folder>', 'the masks to score, <id>.png or <id>.npy')
    .addOption(new Option('--gt <folder>', 'ground truth <id>.png or <id>.npy, instead of a data set and a split: all masks of the folder')
      .conflicts(['data', 'vocRoot', 'split', 'maskDir']))
    .addOption(new Option('--maps <folder>', 'the maps to score at every threshold, <id>.npz or <id>.npy, instead of masks').conflicts(['pred', 'gt', 'byImage', 'ignoredAs', 'shard', 'shards']))
    .option('--allow-missing', 'leave out images without a prediction')
    .optionsGroup('Maps (--maps):')
    .option('--threshold <t>', 'the threshold of the tables (default: the best one)', parseNumber)
    .option('--thresholds <n>', 'the number of thresholds to try', (text) => parseCountUpTo(10_000, text), 100)
    .addOption(choice('--keys <base>', 'the first class index; auto compares the keys with the classes of the images', ['0', '1', 'auto']).default('auto'))
    .option('--array <name>', 'the array with the maps (default: maps, attn_highres, high_res, highres or cam)')
    .addOption(choice('--map-norm <norm>', 'divide each map by its maximum', ['max', 'none']).default('none'))
    .optionsGroup(GROUPS.output)
    .addOption(choice('--ignored-as <how>', 'how pixels predicted as 255 count in the tables by class and by image', IGNORED_AS)
      .default('error'))
    .addOption(new Option('--by-image [n]', 'list the n images with the lowest mean IoU').preset('20').argParser(parseCount))
    .option('--csv [file]', 'write the scores by class as CSV, to a file or instead of the table')
    .option('--json', 'print the result as JSON')
    .optionsGroup(GROUPS.running)
    .option('--workers <n>', 'worker threads (default: one per processor)', parseWorkers);
  addShardOptions(command, false)
    .addHelpText('after', examples)
    .action(async (flags: EvalFlags) => { done(await runEval(flags)); });
};

async function runEval(flags: EvalFlags): Promise<ExitCode> {
  if (flags.json === true && flags.csv === true) throw new UserError('--json and --csv cannot both print', 'write the CSV to a file: --csv scores.csv');
  if (flags.maps !== undefined) return runEvalMaps(flags.maps, flags);
  const shard = (await chosenShard(flags, false, process.env, () => Promise.resolve([])))?.shard;
  const listed = partOf(await listPairs(flags), shard);
  const { present, missing } = await partitionByPrediction(listed.pairs);
  if (missing.length > 0 && flags.allowMissing !== true) throw await missingError(missing, listed.pairs.length, flags);
  // With few images and many shards, some shards are empty.
  if (present.length === 0 && !(shard !== undefined && listed.pairs.length === 0)) {
    throw new UserError('there is nothing to score: no image has both ground truth and a prediction', await firstInPlaceOf([...listed.truthless, ...missing.map(({ predictionPath }) => predictionPath)]));
  }

  if (typeof flags.csv === 'string') {
    const folders = new Set(listed.pairs.flatMap(({ truth, predictionPath }) => [dirname(truthFile(truth)), dirname(predictionPath)]));
    await refuseInputFile(flags.csv, '--csv', [listed.list], [...folders]);
  }

  const progress = startProgress(present.length);
  const result = await evaluatePairs(present, {
    rgb: flags.rgbMasks, classSet: listed.classes.data, byImage: flags.byImage !== undefined, workers: flags.workers, onProgress: progress.update,
  }).finally(progress.stop);

  const images = { scored: result.scored, missingTruths: listed.missingTruths, missingPredictions: idsOf(missing), failures: result.failures, notes: [
    ...listed.notes,
    ...result.whiteVoid === 0 ? [] : [`white is read as void (255) in the masks of ${result.whiteVoid} images`],
  ] };
  const other = await firstInPlaceOf(listed.truthless);
  if (typeof flags.csv === 'string') await writeFileAtomic(flags.csv, evaluationCsv(result));
  process.stdout.write(outputOf(result, images, flags, shard));
  process.stderr.write(reportOf(images, other));
  for (const note of images.notes.slice(listed.notes.length)) process.stderr.write(`${note}\n`);
  return exitCode(flags, [result.failures], [images.missingTruths, images.missingPredictions]);
}

async function runEvalMaps(folder: string, flags: EvalFlags): Promise<ExitCode> {
  if (!await isFolder(folder)) throw new UserError(`the maps folder ${folder} does not exist`);
  let progress: ReturnType<typeof startProgress> | undefined;
  const scored = await scoreMaps(folder, flags, (total) => (progress = startProgress(total)).update).finally(() => progress?.stop());
  if (typeof flags.csv === 'string') await writeFileAtomic(flags.csv, mapsCsv(scored));
  if (flags.json === true) process.stdout.write(`${JSON.stringify(mapsJson(scored), undefined, 2)}\n`);
  else if (flags.csv === true) process.stdout.write(mapsCsv(scored));
  else process.stdout.write(scored.result.scored === 0 ? 'No image could be scored.\n' : mapsMarkdown(scored));
  process.stderr.write(mapsNotes(scored).map((note) => `${note}\n`).join(''));
  return exitCode(flags, [scored.result.failures], [scored.missingTruths, scored.missingMaps]);
}

/** Missing files count only with --strict. */
function exitCode({ strict }: StrictFlags, failures: readonly (readonly unknown[])[], missing: readonly (readonly unknown[])[]): ExitCode {
  return [...failures, ...strict === true ? missing : []].some(({ length }) => length > 0) ? EXIT.failures : EXIT.ok;
}

/** The results for the requested images. */
interface Images extends Pick<EvaluationResult, 'scored' | 'failures'> {
  readonly missingTruths: readonly string[];
  readonly missingPredictions: readonly string[];
  readonly notes: readonly string[];
}

/** The images to score, those without ground truth (their ids and expected paths), and the file that lists them. */
interface ListedPairs {
  readonly classes: ClassSet;
  readonly pairs: readonly MaskPair[];
  readonly missingTruths: readonly string[];
  readonly truthless: readonly string[];
  readonly notes: readonly string[];
  readonly list?: string;
}

async function listPairs(flags: EvalFlags): Promise<ListedPairs> {
  const pred = requireFlag(flags.pred, '--pred', 'seeds/SegmentationClass');
  if (!await isFolder(pred)) throw new UserError(`the prediction folder ${pred} does not exist`);
  const index = new FolderIndex();
  const pairOf = async (id: string, truth: TruthInput): Promise<MaskPair> => ({ id, truth, predictionPath: await maskPathOf(pred, id, index) });
  const { gt } = flags;
  if (gt === undefined) {
    const { classes, items, missing, split: { notes, path: list } } = await openSelection(flags, 'truth', dirname(resolve(pred)));
    const pairs = await Promise.all(items.map(({ id, truth }) => pairOf(id, truth!)));
    const truthless = missing.flatMap(({ truth }) => (truth === undefined ? [] : [truthFile(truth)]));
    return { classes, pairs, missingTruths: idsOf(missing), truthless, notes, list };
  }
  const known = await maskIdsIn(gt);
  if (known.length === 0) {
    const [name] = await index.namesIn(gt);
    throw new UserError(`there is nothing to score: the folder ${gt} contains no label masks <id>.png or <id>.npy`, name === undefined ? 'the folder is empty' : await whatLiesInPlaceOf(join(gt, name), index));
  }
  const unknown = flags.ids?.find((id) => !known.includes(id));
  if (unknown !== undefined) throw new UserError(`the ground truth ${join(gt, `${unknown}.png`)} does not exist`);
  const ids = [...new Set(flags.ids ?? known)].slice(0, flags.limit);
  const pairs = await Promise.all(ids.map(async (id) => pairOf(id, await maskPathOf(gt, id, index))));
  return { classes: await classesOf(flags, dirname(resolve(pred))), pairs, missingTruths: [], truthless: [], notes: [] };
}

/** Describes the first file that is found instead of one of the missing masks. */
async function firstInPlaceOf(paths: readonly string[]): Promise<string | undefined> {
  const index = new FolderIndex();
  for (const path of paths) {
    const other = await whatLiesInPlaceOf(path, index);
    if (other !== undefined) return other;
  }
  return undefined;
}

/** The images of a shard, including those without ground truth: each image is in exactly one shard. */
function partOf(listed: ListedPairs, shard: Shard | undefined): ListedPairs {
  if (shard === undefined) return listed;
  return {
    ...listed, pairs: itemsOfShard(listed.pairs, shard),
    missingTruths: itemsOfShard(listed.missingTruths, shard), truthless: itemsOfShard(listed.truthless, shard),
  };
}

async function missingError(missing: readonly MaskPair[], total: number, { pred }: EvalFlags): Promise<UserError> {
  const below = join(pred!, 'SegmentationClass');
  const hint = missing.length === total && await isFolder(below)
    ? `did you mean --pred ${below}?`
    : await firstInPlaceOf(missing.map(({ predictionPath }) => predictionPath)) ?? 'use --allow-missing to score only the others';
  return new UserError(`predictions are missing in ${pred}: ${missing.length} of ${total} (${few(idsOf(missing))})`, hint);
}

function outputOf(result: EvaluationResult, images: Images, flags: EvalFlags, shard: Shard | undefined): string {
  const worst = worstImages(result.images, flags.ignoredAs).slice(0, flags.byImage);
  if (flags.json === true) {
    const byImage = flags.byImage === undefined ? {} : { byImage: imagesJson(worst, result.classes) };
    const { notes, ...counts } = images;
    return `${JSON.stringify({ shard, images: counts, ...notes.length > 0 && { notes }, ...evaluationJson(result), ...byImage }, undefined, 2)}\n`;
  }
  if (flags.csv === true) return evaluationCsv(result);
  if (result.scored === 0) return `${countsOf(images)}\n`;
  const table = `${evaluationMarkdown(result, flags.ignoredAs)}\n${countsOf(images)}\n`;
  return flags.byImage === undefined ? table : `${table}\n${imagesMarkdown(worst, result.classes, flags.ignoredAs)}`;
}

function countsOf({ scored, missingTruths, missingPredictions, failures }: Images): string {
  const total = scored + missingTruths.length + missingPredictions.length + failures.length;
  const rest = [
    [failures.length, 'failed'], [missingPredictions.length, 'without prediction'], [missingTruths.length, 'without ground truth'],
  ].filter(([count]) => count !== 0).map(([count, what]) => `${count} ${what}`);
  return `Scored ${scored} of ${total} images${rest.length === 0 ? '' : `: ${rest.join(', ')}`}.`;
}

function reportOf({ missingTruths, missingPredictions, failures }: Images, other: string | undefined): string {
  const notes = failures.map(({ id, message }) => `failed ${id}: ${message}`);
  if (missingPredictions.length > 0) notes.push(`left out, without prediction (${missingPredictions.length}): ${few(missingPredictions)}`);
  if (missingTruths.length > 0) notes.push(`left out, without ground truth (${missingTruths.length}): ${few(missingTruths)}${other === undefined ? '' : `; ${other}`}`);
  return notes.map((note) => `${note}\n`).join('');
}

function startProgress(total: number): { update: (done: number) => void; stop: () => void } {
  if (!process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const { Presets, SingleBar } = loadCliProgress();
  const bar = new SingleBar({ format: '{bar} {value}/{total} images, {eta_formatted} left', clearOnComplete: true }, Presets.shades_classic);
  bar.start(total, 0);
  return { update: (done) => bar.update(done), stop: () => bar.stop() };
}

function idsOf(items: readonly { readonly id: string }[]): string[] {
  return items.map(({ id }) => id);
}
