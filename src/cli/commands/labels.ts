import { messageOf, UserError } from '../../errors.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import type { ClassSet } from '../../datasets/classes/class-set.js';
import { compareLabels } from '../../datasets/labels/compare.js';
import type { LabelComparison } from '../../datasets/labels/compare.js';
import { parseLabelSpec } from '../../datasets/labels/create.js';
import type { LabelSpec } from '../../datasets/labels/create.js';
import type { LabelSource } from '../../datasets/labels/source.js';
import { partitionByPresence } from '../../datasets/splits.js';
import type { Split, DataItem } from '../../datasets/splits.js';
import {
  addDevkitOptions, addLabelOptions, addMaskOptions, addStrictOption, describeMissing, labelFileIn, openLabels, openSelection, refuseOverwriting,
} from '../options/devkit-options.js';
import type { DevkitFlags, LabelFlags, MaskFlags, Selection, StrictFlags } from '../options/devkit-options.js';
import { GROUPS } from '../options/groups.js';
import { argument } from '../options/parsers.js';
import { EXIT } from '../exit-codes.js';
import type { CommandRegistrar, ExitCode } from '../command.js';
import { SUMMARIES } from './summaries.js';

type LabelPairSpec = readonly [LabelSpec, LabelSpec];

interface LabelsFlags extends DevkitFlags, StrictFlags, LabelFlags, MaskFlags {
  compare?: LabelPairSpec;
  out?: string;
  names?: boolean;
  json?: boolean;
}

/** An image without labels, and why. */
interface Skipped {
  readonly id: string;
  readonly reason: string;
}

const examples = `
Examples:
  voc-seeds labels --voc-root VOCdevkit/VOC2012 --split train --labels xml --names
  voc-seeds labels --voc-root VOCdevkit/VOC2012 --split train_aug.txt --labels npy --label-file cls_labels.npy --out train_aug_labels.txt
  voc-seeds labels --voc-root VOCdevkit/VOC2012 --split train --compare xml,masks
  voc-seeds labels --data coco:coco --split val2017 --names
  voc-seeds labels --data folder:photos --split val --out val.txt
  voc-seeds labels --voc-root VOCdevkit/VOC2012 --split val --compare npy:cls_labels.npy,masks --mask-dir SegmentationClassAug

Each line of the result is an image and its classes (for VOC 1..20, or names): "2007_000032 1 15". --labels list reads this format.
The exit code is 2 if some images were skipped because a source has no labels for them, and with --strict also if photographs
of the split are missing.`;

/** `voc-seeds labels`: prints the image-level labels of a split, or the differences between two label sources. */
export const registerLabels: CommandRegistrar = (program, done) => {
  const command = program.command('labels').description(SUMMARIES.labels);
  addMaskOptions(addLabelOptions(addStrictOption(addDevkitOptions(command))))
    .optionsGroup(GROUPS.output)
    .option('--compare <a,b>', 'compare two label sources, for instance xml,masks or npy:cls_labels.npy,masks', argument(parsePair))
    .option('--out <file>', 'write the result to a file instead of printing it')
    .option('--names', 'print class names instead of numbers (JSON always has numbers)')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action(async (flags: LabelsFlags) => { done(await runLabels(flags)); });
};

function parsePair(text: string): LabelPairSpec {
  const specs = text.split(',');
  if (specs.length !== 2) throw new UserError('Expected two label sources separated by a comma.');
  return [parseLabelSpec(specs[0]), parseLabelSpec(specs[1])];
}

async function runLabels(flags: LabelsFlags): Promise<ExitCode> {
  const selection = await openSelection(flags);
  if (flags.out !== undefined) {
    await refuseOverwriting(flags.out, '--out', selection, flags.labelFile, labelFileIn(flags.labels), ...(flags.compare ?? []).map(({ file }) => file));
  }
  const { result, skipped } = flags.compare === undefined
    ? await listing(flags, selection)
    : await comparison(flags, selection, flags.compare);
  if (flags.out === undefined) process.stdout.write(result);
  else await writeFileAtomic(flags.out, result);

  const { duplicates, path } = selection.split;
  if (duplicates > 0) process.stderr.write(`${duplicates} repeated lines of ${path} left out\n`);
  if (skipped.length > 0) {
    process.stderr.write(skipped.map(({ id, reason }) => `skipped ${id}: ${reason}\n`).join(''));
    process.stderr.write(`${skipped.length} of ${selection.items.length} images skipped\n`);
  }
  // Labels need no photographs, so missing ones are reported only with --strict.
  const missing = flags.strict === true ? (await partitionByPresence(selection.items)).missing.length : 0;
  if (missing > 0) process.stderr.write(describeMissing(missing, selection.items.length));
  return skipped.length > 0 || missing > 0 ? EXIT.failures : EXIT.ok;
}

/** The text to write, and the skipped images. */
interface Outcome {
  readonly result: string;
  readonly skipped: readonly Skipped[];
}

async function listing(flags: LabelsFlags, selection: Selection): Promise<Outcome> {
  const { classes, split, items } = selection;
  const source = await openLabels(flags, selection);
  const { answers, skipped } = await askAll(items, (item) => source.labels(item));
  if (flags.json === true) {
    const labels = answers.map(({ id, answer }) => ({ id, classes: answer }));
    return { result: json({ split: split.name, source: source.name, ...notesOf(split), items: labels, skipped }), skipped };
  }
  const nameOf = namer(flags, classes);
  return { result: answers.map(({ id, answer }) => `${[quoted(id), ...answer.map(nameOf)].join(' ')}\n`).join(''), skipped };
}

function notesOf({ notes }: Split): { notes?: readonly string[] } {
  return notes.length > 0 ? { notes } : {};
}

/** An id as it is written in a list: in quotes if it contains spaces or other separators. */
function quoted(id: string): string {
  return /[\s,;"]/.test(id) ? `"${id.replaceAll('"', '""')}"` : id;
}

async function comparison(flags: LabelsFlags, selection: Selection, [specA, specB]: LabelPairSpec): Promise<Outcome> {
  const { classes, split, items } = selection;
  const a = await openLabels(flags, selection, specA);
  const b = await openLabels(flags, selection, specB);
  const { answers, skipped } = await askAll(items, async (item) => ({ a: await a.labels(item), b: await b.labels(item) }));
  const found = compareLabels(answers.map(({ id, answer }) => ({ id, ...answer })), classes);
  const result = flags.json === true
    ? json({ split: split.name, a: a.name, b: b.name, ...notesOf(split), ...found, skipped })
    : comparisonText(found, a, b, classes, namer(flags, classes));
  return { result, skipped };
}

/**
 * Calls `ask` for every image. Images for which it fails are skipped.
 *
 * @throws the last error if every image fails
 */
async function askAll<T>(items: readonly DataItem[], ask: (item: DataItem) => Promise<T>): Promise<Answers<T>> {
  const answers: { id: string; answer: T }[] = [];
  const skipped: Skipped[] = [];
  let last: unknown;
  for (const item of items) {
    try {
      answers.push({ id: item.id, answer: await ask(item) });
    } catch (error) {
      last = error;
      skipped.push({ id: item.id, reason: messageOf(error) });
    }
  }
  if (skipped.length > 0 && answers.length === 0) {
    if (!(last instanceof UserError)) throw last;
    throw new UserError(`none of the ${items.length} images has labels. The last error: ${last.message}`, last.hint, { cause: last });
  }
  return { answers, skipped };
}

interface Answers<T> {
  readonly answers: readonly { readonly id: string; readonly answer: T }[];
  readonly skipped: readonly Skipped[];
}

function json(result: unknown): string {
  return `${JSON.stringify(result, undefined, 2)}\n`;
}

/** How classes are printed: by name, in quotes if it has spaces, or as a number. */
function namer({ names }: LabelsFlags, classes: ClassSet): (label: number) => string {
  return names === true ? (label) => quoted(classes.nameOf(label)) : String;
}

function comparisonText(found: LabelComparison, a: LabelSource, b: LabelSource, classes: ClassSet, nameOf: (label: number) => string): string {
  const lines = found.differences.map(({ id, onlyA, onlyB }) => [
    id,
    ...onlyA.length === 0 ? [] : [`only in ${a.name}: ${onlyA.map(nameOf).join(' ')}`],
    ...onlyB.length === 0 ? [] : [`only in ${b.name}: ${onlyB.map(nameOf).join(' ')}`],
  ].join('  '));
  const width = Math.max(14, ...classes.classes.map(({ length }) => length + 2));
  const row = (cells: readonly (string | number)[]): string =>
    String(cells[0]).padEnd(width) + cells.slice(1).map((cell) => String(cell).padStart(10)).join('');
  return [
    ...lines,
    ...lines.length === 0 ? [] : [''],
    `A: ${a.name}, B: ${b.name}. ${found.images} images compared: ${found.equal} agree, ${found.differences.length} differ.`,
    '',
    row(['images with', 'in A', 'in B', 'only A', 'only B']),
    ...found.classes.map(({ label, inA, inB, onlyA, onlyB }) => row([classes.nameOf(label), inA, inB, onlyA, onlyB])),
    '',
  ].join('\n');
}
