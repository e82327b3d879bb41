import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { chooseLayers } from '../../cam/layer-choice.js';
import { loadClassifier } from '../../classifier/load.js';
import { readBoxes } from '../../datasets/boxes/read.js';
import type { BoxTruths } from '../../datasets/boxes/box-truth.js';
import { messageOf, requireFlag, UserError } from '../../errors.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import { earlierTasks } from '../../jobs/journal/array-journal.js';
import { fingerprint } from '../../jobs/journal/journal.js';
import { watchInterrupt } from '../../jobs/stop/interrupt.js';
import { writeBoxes } from '../../localize/box-files.js';
import { findItems, readIds } from '../../localize/items.js';
import type { LocalizeItem } from '../../localize/items.js';
import { readRecord } from '../../localize/record.js';
import type { LocalizeRecord } from '../../localize/record.js';
import { runLocalize } from '../../localize/run.js';
import { scoreBoxes } from '../../localize/score.js';
import { truthLogits } from '../../localize/truth-logits.js';
import { refineSettings } from '../../maps/settings.js';
import { packageVersion } from '../../package.js';
import { camSettings } from '../../settings/cam.js';
import { localizeSchema } from '../../settings/localize.js';
import type { LocalizeConfig } from '../../settings/localize.js';
import { loadConfig } from '../../settings/load.js';
import { DEFAULT_PRESET, presetSettings } from '../../settings/presets.js';
import type { CommandRegistrar } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { addConfigOption, addPrintConfigOption, printConfig, sayPreset, startOf } from '../options/config-options.js';
import type { ConfigFlags } from '../options/config-options.js';
import { showDefaults } from '../options/default-help.js';
import { addStrictOption } from '../options/devkit-options.js';
import type { StrictFlags } from '../options/devkit-options.js';
import { GROUPS } from '../options/groups.js';
import { addForceOption, addModelOptions, modelOrDefault, specOfFlags } from '../options/model-options.js';
import type { ModelFlags } from '../options/model-options.js';
import { addSettings, givenSettings } from '../options/setting-options.js';
import { addShardOptions, chosenShard, leftToOthers } from '../options/shard-options.js';
import type { ShardFlags } from '../options/shard-options.js';
import { batchProgress } from '../text/batch-progress.js';
import { few } from '../text/few.js';
import { describeLocalizePass, localizeMarkdown } from '../text/localize-text.js';
import { sayModelNotes } from '../text/model-notes.js';

/** The flags that are not settings. Those are read by {@link givenSettings}. */
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

  # Part 1 of 2, for two machines with the same output folder. The last one to finish computes the scores
  voc-seeds localize ... --shard 1/2

Exit codes: 0 all images are measured; 1 wrong usage or an error; 2 some images failed (or are missing, with --strict);
130 interrupted. Run the same command again to continue.
`;

/** `voc-seeds localize` */
export const registerLocalize: CommandRegistrar = (program, done) => {
  const command = program.command('localize').description('Find objects: boxes around the maps of classes, and their scores against true boxes (loc1, loc5, GT-known, MaxBoxAcc).');
  showDefaults(addLocalizeOptions(command), () => presetSettings(localizeSchema, DEFAULT_PRESET)).addHelpText('after', examples).action(async (flags: LocalizeFlags) => { done(await run(flags)); });
};

function addLocalizeOptions(command: Command): Command {
  addConfigOption(command);
  addSettings(command, localizeSchema.shape);
  addForceOption(addModelOptions(addStrictOption(command)));
  addShardOptions(command, false).option('--no-resume', 'process images again that an earlier run has finished');
  return addPrintConfigOption(command).optionsGroup(GROUPS.output).option('--json', 'print the scores as JSON');
}

async function run(flags: LocalizeFlags): Promise<number> {
  const config = await loadConfig(localizeSchema, startOf(flags), givenSettings(localizeSchema.shape, flags));
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
  const classifier = await loadClassifier(modelOrDefault(config.model), await specOfFlags(flags), flags.force);
  sayPreset(flags);
  sayModelNotes(classifier, chooseLayers(classifier.graph, config.layers, config.method));
  const names = config.boxClasses === undefined ? undefined : await readNames(config.boxClasses);
  const used = truths.images.flatMap(({ classes }) => classes.map(({ name }) => name));
  const logitOf = truthLogits(classifier, used, { names, offset: config.logitOffset });
  const { items, failures, missing, boxless } = await findItems(truths, folder, logitOf, lists.all);
  if (missing.length > 0) say(`${missing.length} of the photographs are not on disk and are left out: ${few(missing)}`);
  if (boxless.length > 0) say(`${boxless.length} images have no true box and are left out: ${few(boxless)}`);
  if (items.length === 0) throw new UserError(`none of the images of ${boxes} can be used`, failures[0]?.reason ?? `their photographs are expected in ${folder}`);

  const { shard, task, note } = await chosenShard(flags, false, process.env, () => earlierTasks(out)) ?? {};
  if (shard !== undefined) say(note ?? `shard ${shard.index} of ${shard.count}`);

  const outputs = ['boxes.csv', 'results.json', 'localize.json'].map((name) => join(out, name));
  const progress = batchProgress(say, 'records');
  const watch = watchInterrupt(() => { say('\ninterrupted: finishing the images in progress (press Ctrl-C again to stop at once)'); });
  try {
    const pass = await runLocalize({
      classifier, settings: z.object({ ...camSettings, ...refineSettings }).parse(config), items, top: config.top, thresholds: config.thresholds,
      truths: fingerprint({ images: truths.images, names, offset: config.logitOffset }), out, outputs,
      inputs: [boxes, folder, classifier.path, ...[config.boxClasses, config.tuneOn, config.scoreOn].filter((path) => path !== undefined)],
      resume: flags.resume, shard, task, workers: config.workers, threads: config.threads,
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
    for (const item of pass.done) images.push({ item, record: await readRecord(out, item.id) });
    const of = (ids: ReadonlySet<string> | undefined): LocalizeRecord[] => (
      images.flatMap(({ item, record }) => (ids?.has(item.id) === false ? [] : [record])));
    const [tune, score] = [of(lists.tune), of(lists.score)];
    if (tune.length === 0 || score.length === 0) throw new UserError('there is nothing to score: every image of a list failed', failed[0]?.reason);
    const scores = scoreBoxes({ tune, score, sawBoxes: lists.shared, steps: config.thresholds, bootstrap: config.bootstrap, seed: config.seed });
    await writeBoxes(config.boxFiles, {
      out, classifier, images, step: Math.round(scores.threshold * config.thresholds), top: config.top, categoryOf: categoriesOf(truths, logitOf),
    });
    const json = {
      ...scores,
      run: {
        command: 'localize', version: packageVersion(), modelPath: classifier.path, runtime: pass.runtime, settings: config,
        sharedImages: lists.common,
        classNames: namesOf(images.map(({ record }) => record), classifier.spec.classes),
        counts: { ...pass.counts, missing: missing.length, boxless: boxless.length }, failures: failed, missing, boxless, notes: pass.notes,
        seconds: pass.seconds, stages: pass.stages,
      },
    };
    await writeFileAtomic(join(out, 'localize.json'), `${JSON.stringify(json, null, 2)}\n`);
    process.stdout.write(flags.json === true ? `${JSON.stringify(json, null, 2)}\n` : `${localizeMarkdown(scores)}\n`);
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
