import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { readBoxes } from '../../datasets/boxes/read.js';
import type { BoxTruths } from '../../datasets/boxes/box-truth.js';
import { maskIdsOf } from '../../datasets/files-by-id.js';
import { messageOf, requireFlag, UserError } from '../../errors.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import { isFolder } from '../../jobs/files/is-folder.js';
import { earlierTasks } from '../../jobs/journal/array-journal.js';
import { fingerprint } from '../../jobs/journal/journal.js';
import { watchInterrupt } from '../../jobs/stop/interrupt.js';
import { writeBoxes } from '../../localize/box-files.js';
import { localizeCsv, localizeJson } from '../../localize/format.js';
import { findItems, readIds } from '../../localize/items.js';
import type { LocalizeItem } from '../../localize/items.js';
import { readRecord } from '../../localize/record.js';
import type { LocalizeRecord } from '../../localize/record.js';
import { runLocalize } from '../../localize/run.js';
import { scoreBoxes } from '../../localize/score.js';
import { truthLogits } from '../../localize/truth-logits.js';
import { packageVersion } from '../../package.js';
import { localizeSchema } from '../../settings/localize.js';
import type { LocalizeConfig } from '../../settings/localize.js';
import { DEFAULT_PRESET, presetSettings } from '../../settings/presets.js';
import type { CommandRegistrar } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { addConfigOption, addPrintConfigOption, printConfig, sayPreset, startOf } from '../options/config-options.js';
import type { ConfigFlags } from '../options/config-options.js';
import { showDefaults } from '../options/default-help.js';
import { addStrictOption } from '../options/devkit-options.js';
import type { StrictFlags } from '../options/devkit-options.js';
import { loadGridConfig, mapVariants } from '../options/grid-options.js';
import { GROUPS } from '../options/groups.js';
import { addForceOption, addModelOptions, openClassifier } from '../options/model-options.js';
import type { ModelFlags } from '../options/model-options.js';
import { addSettings } from '../options/setting-options.js';
import { addShardOptions, chosenShard, leftToOthers } from '../options/shard-options.js';
import type { ShardFlags } from '../options/shard-options.js';
import { batchProgress } from '../text/batch-progress.js';
import { few } from '../text/few.js';
import { describeLocalizePass, localizeMarkdown } from '../text/localize-text.js';
import { describeVariants } from '../text/variants-text.js';
import { SUMMARIES } from './summaries.js';

/** The flags that are not settings. Those are read by {@link loadGridConfig}. */
interface LocalizeFlags extends ConfigFlags, StrictFlags, ModelFlags, ShardFlags {
  resume: boolean;
  force?: boolean;
}

const examples = `
Examples:
  # Boxes of an ImageNet classifier that counts the background as its first class, thresholds chosen on one list and scored on another
  voc-seeds localize --boxes ilsvrc/boxes.csv --images ilsvrc/images --model mobilenet.onnx --logits logits --preprocess tensorflow \\
    --classes labels.txt --logit-offset 1 --tune-on first.txt --score-on second.txt --out boxes

  # Objects of VOC, with the boxes also as COCO results and VOC annotations
  voc-seeds localize --boxes VOC2012/Annotations --images VOC2012/JPEGImages --model classifier.onnx --box-files csv,coco,voc --out boxes

  # Which layers? Four variants in one pass over the images, the first one compared with each of the others
  voc-seeds localize --boxes ilsvrc/boxes.csv --images ilsvrc/images --model googlenet.onnx --out grid \\
    --layers /32@grad-cam --layers /32 --layers /16,/32 --layers /8,/16,/32

  # Part 1 of 2, for two machines with the same output folder. The last one to finish computes the scores
  voc-seeds localize ... --shard 1/2

All combinations of the values of the options are scored, each with its own thresholds. The output folder has localize.json,
localize.csv, boxes.csv, and a record of each image, from which an interrupted run continues.

Exit codes: 0 all images are measured; 1 wrong usage or an error; 2 some images failed (or are missing, with --strict);
130 interrupted. Run the same command again to continue.
`;

/** `voc-seeds localize` */
export const registerLocalize: CommandRegistrar = (program, done) => {
  const command = program.command('localize').description(SUMMARIES.localize);
  showDefaults(addLocalizeOptions(command), () => presetSettings(localizeSchema, DEFAULT_PRESET)).addHelpText('after', examples).action(async (flags: LocalizeFlags) => { done(await run(flags)); });
};

function addLocalizeOptions(command: Command): Command {
  addConfigOption(command);
  addSettings(command, localizeSchema.shape, { several: true });
  addForceOption(addModelOptions(addStrictOption(command)));
  addShardOptions(command, false).option('--no-resume', 'process images again that an earlier run has finished');
  return addPrintConfigOption(command).optionsGroup(GROUPS.output).option('--json', 'print the scores as JSON');
}

async function run(flags: LocalizeFlags): Promise<number> {
  const config = await loadGridConfig(localizeSchema, startOf(flags), flags);
  if (flags.printConfig === true) {
    printConfig(config, flags);
    return EXIT.ok;
  }
  const say = (text: string): void => { process.stderr.write(`${text}\n`); };
  const out = requireFlag(config.out, '--out', 'boxes');
  const boxes = requireFlag(config.boxes, '--boxes', 'boxes.csv');
  const folder = requireFlag(config.images, '--images', 'images');
  const truths = await readBoxes(boxes);
  const lists = await listsOf(config, truths);
  const classifier = await openClassifier(config, flags);
  sayPreset(flags);
  const variants = mapVariants(classifier, config);
  const single = config.boxFiles.find((kind) => kind !== 'csv');
  if (variants.length > 1 && single !== undefined) {
    throw new UserError(`--box-files ${single} has no place for the boxes of ${variants.length} variants`, 'use --box-files csv, or give each option one value');
  }
  if (variants.length > 1) say(describeVariants(variants));
  const names = config.boxClasses === undefined ? undefined : await readNames(config.boxClasses);
  const used = truths.images.flatMap(({ classes }) => classes.map(({ name }) => name));
  const logitOf = truthLogits(classifier, used, { names, offset: config.logitOffset });
  if (config.masks !== undefined && !await isFolder(config.masks)) {
    throw new UserError(`--masks ${config.masks} is not a folder`, 'name the folder of the masks, <id>.png');
  }
  const { items, failures, missing, boxless } = await findItems(truths, folder, logitOf, lists.all, config.masks);
  if (missing.length > 0) say(`${missing.length} of the photographs are not on disk and are left out: ${few(missing)}`);
  if (boxless.length > 0) say(`${boxless.length} images have no true box and are left out: ${few(boxless)}`);
  if (items.length === 0) throw new UserError(`none of the images of ${boxes} can be used`, failures[0]?.reason ?? `their photographs are expected in ${folder}`);

  const maskless = config.masks === undefined ? 0 : items.filter(({ maskPath }) => maskPath === undefined).length;
  if (maskless > 0) say(`${maskless} images have no mask in ${config.masks}: PxAP is that of the others`);

  const { shard, task, note } = await chosenShard(flags, false, process.env, () => earlierTasks(out)) ?? {};
  if (shard !== undefined) say(note ?? `shard ${shard.index} of ${shard.count}`);

  const outputs = ['boxes.csv', 'results.json', 'localize.json', 'localize.csv'].map((name) => join(out, name));
  const progress = batchProgress(say, 'records');
  const watch = watchInterrupt(() => { say('\ninterrupted: finishing the images in progress (press Ctrl-C again to stop at once)'); });
  try {
    const pass = await runLocalize({
      classifier, settings: config, variants, items,
      truths: fingerprint({
        images: truths.images, names, offset: config.logitOffset,
        ...config.masks !== undefined && { masks: resolve(config.masks), masked: await maskIdsOf(config.masks) },
      }),
      out, outputs,
      inputs: [boxes, folder, classifier.path, config.masks, config.boxClasses, config.tuneOn, config.scoreOn].filter((path) => path !== undefined),
      resume: flags.resume, shard, task, workers: config.workers, threads: config.threads, batch: config.batch,
      runtime: { runtime: config.runtime, device: config.device }, signal: watch.signal, ...progress,
    });
    progress.stop();
    const failed = [...failures, ...pass.failures];
    say(describeLocalizePass(pass, failed));
    if (watch.signal.aborted) return EXIT.interrupted;
    if (pass.elsewhere > 0) {
      say(leftToOthers(pass.elsewhere));
      return failed.length > 0 ? EXIT.failures : EXIT.ok;
    }
    const images: { item: LocalizeItem; record: LocalizeRecord }[] = [];
    for (const item of pass.done) images.push({ item, record: await readRecord(out, item.id, variants.length) });
    const of = (ids: ReadonlySet<string> | undefined): LocalizeRecord[] => (
      images.flatMap(({ item, record }) => (ids?.has(item.id) === false ? [] : [record])));
    const [tune, score] = [of(lists.tune), of(lists.score)];
    if (tune.length === 0 || score.length === 0) throw new UserError('there is nothing to score: every image of a list failed', failed[0]?.reason);
    const scores = scoreBoxes({
      variants: variants.length, tune, score, sawBoxes: lists.shared, steps: config.thresholds, bootstrap: config.bootstrap, seed: config.seed,
    });
    if (config.masks !== undefined && scores[0].pxap === undefined) say(`no PxAP: no scored image has a mask in ${config.masks} with a pixel of its class`);
    await writeBoxes(config.boxFiles, {
      out, classifier, images, top: config.top, categoryOf: categoriesOf(truths, logitOf),
      variants: variants.map(({ name }, v) => ({ name, step: Math.round(scores[v].threshold * config.thresholds) })),
    });
    const json = {
      ...localizeJson(scores, variants),
      run: {
        command: 'localize', version: packageVersion(), modelPath: classifier.path, runtime: pass.runtime, settings: config,
        sharedImages: lists.common,
        classNames: namesOf(images.map(({ record }) => record), classifier.spec.classes),
        counts: { ...pass.counts, missing: missing.length, boxless: boxless.length }, failures: failed, missing, boxless, notes: pass.notes,
        seconds: pass.seconds, stages: pass.stages,
      },
    };
    await writeFileAtomic(join(out, 'localize.json'), `${JSON.stringify(json, null, 2)}\n`);
    await writeFileAtomic(join(out, 'localize.csv'), localizeCsv(scores, variants));
    process.stdout.write(flags.json === true ? `${JSON.stringify(json, null, 2)}\n` : `${localizeMarkdown(scores, variants)}\n`);
    if (lists.common > 0 && !lists.shared) say(`note: ${lists.common} images are in both lists`);
    return failed.length > 0 || (flags.strict === true && missing.length > 0) ? EXIT.failures : EXIT.ok;
  } finally {
    progress.stop();
    watch.dispose();
  }
}

/** The images to choose thresholds on and those to score; undefined: all. */
interface Lists {
  readonly tune?: ReadonlySet<string>;
  readonly score?: ReadonlySet<string>;
  readonly all?: ReadonlySet<string>;
  /** Whether both lists have the same images. */
  readonly shared: boolean;
  /** How many images are in both. */
  readonly common: number;
}

async function listsOf({ tuneOn, scoreOn }: LocalizeConfig, { images, bad }: BoxTruths): Promise<Lists> {
  const known = new Set([...images, ...bad].map(({ id }) => id));
  const read = async (path: string | undefined): Promise<Set<string> | undefined> => (
    path === undefined ? undefined : new Set(await readIds(path, known)));
  const score = await read(scoreOn);
  const tune = await read(tuneOn) ?? score;
  const [tuneIds, scoreIds] = [tune ?? known, score ?? known];
  const common = [...tuneIds].filter((id) => scoreIds.has(id)).length;
  return {
    tune, score, all: tune === undefined || score === undefined ? undefined : new Set([...tune, ...score]),
    shared: common === tuneIds.size && common === scoreIds.size, common,
  };
}

/** The names of the logits that have boxes, for readers of the records. */
function namesOf(records: readonly LocalizeRecord[], names: readonly string[]): Record<number, string> {
  const logits = new Set(records.flatMap(({ maps }) => maps.map(({ logit }) => logit)));
  return Object.fromEntries([...logits].map((logit) => [logit, names[logit]]));
}

async function readNames(path: string): Promise<string[]> {
  try {
    return (await readFile(path, 'utf8')).replace(/^\uFEFF/, '').split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== '');
  } catch (cause) {
    throw new UserError(`cannot read the class names in ${path}: ${messageOf(cause)}`, 'name a file with one name per line', { cause });
  }
}

/** The COCO category of each logit. */
function categoriesOf({ categoryIds }: BoxTruths, logitOf: (name: string) => number): Map<number, number> | undefined {
  if (categoryIds === undefined) return undefined;
  return new Map([...categoryIds].flatMap(([name, id]): [number, number][] => {
    try {
      return [[logitOf(name), id]];
    } catch {
      // A class that the classifier does not have.
      return [];
    }
  }));
}
