import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { loadClassifier } from '../../classifier/load.js';
import type { LoadedClassifier } from '../../classifier/load.js';
import { withPrototypes } from '../../classifier/prototype-file.js';
import type { ModelSpec } from '../../classifier/spec.js';
import { preprocessPresets } from '../../classifier/spec.js';
import { messageOf, UserError } from '../../errors.js';
import { defaultModelPath } from '../../package.js';
import { CLASS_SETS } from '../../datasets/classes/known.js';
import { loadClassSet } from '../../datasets/classes/load.js';
import { parseChoice } from './choice.js';
import { GROUPS } from './groups.js';
import { parseNumber } from './parsers.js';

type Triple = [number, number, number];

/** The flags of {@link addModelOptions}. */
export interface ModelFlags {
  logits?: string;
  preprocess?: string;
  channelOrder?: 'rgb' | 'bgr';
  scale?: number;
  mean?: Triple;
  std?: Triple;
  classes?: string;
  modelInputSize?: [number, number];
  tokens?: [number, number];
}

/** The classifier to use: the given one, or the bundled one, with a note on standard error. */
export function modelOrDefault(named: string | undefined): string {
  if (named !== undefined) return named;
  const path = defaultModelPath();
  process.stderr.write(`no --model given: using the bundled classifier, ${path}\n`);
  return path;
}

/** The classifier of a command that makes maps, with the prototypes of its classes if they are given. */
export async function openClassifier(
  { model, prototypes }: { readonly model?: string; readonly prototypes?: string }, flags: ModelFlags & { readonly force?: boolean },
): Promise<LoadedClassifier> {
  return withPrototypes(await loadClassifier(modelOrDefault(model), await specOfFlags(flags), flags.force), prototypes);
}

/** Adds the option that allows a classifier with an untrained head. */
export function addForceOption(command: Command): Command {
  return command.optionsGroup(GROUPS.classifier).option('--force', 'use the classifier even if its head is untrained');
}

/** Adds the options that describe a model. They override its sidecar file and its metadata. */
export function addModelOptions(command: Command): Command {
  return command.optionsGroup(GROUPS.classifier)
    .option('--logits <tensor>', 'the tensor with the class scores before softmax or sigmoid')
    .option('--preprocess <preset>', `preprocessing of the input: ${Object.keys(preprocessPresets).join(', ')}`, parsePreset)
    .option('--channel-order <order>', 'rgb or bgr', parseOrder)
    .option('--scale <s>', 'input = (pixel * scale - mean) / std, pixel in 0..255', parsePositive)
    .option('--mean <a,b,c>', 'mean per channel, in the channel order of the network', (text) => parseTriple(text, parseNumber))
    .option('--std <a,b,c>', 'standard deviation per channel', (text) => parseTriple(text, parsePositive))
    .option('--classes <name|file>', `the names of the logits: ${CLASS_SETS.join(', ')}, a file with one name per line, or a YAML file with a class set`)
    .option('--model-input-size <HxW>', 'the only input size of the network, if its file does not declare it', parseSize)
    .option('--tokens <HxW>', 'the token grid of a vision transformer, if its graph does not show it: 14x14 for 224 pixels in patches of 16', parseSize);
}

/** The option that names logits after a class set. */
export function classSetOption(): Option {
  return new Option('--class-set <name|file>', `name the logits after a class set: ${CLASS_SETS.join(', ')}, or a YAML file`).conflicts('classes');
}

function parsePreset(text: string): string {
  return parseChoice(text, Object.keys(preprocessPresets));
}

function parseOrder(text: string): 'rgb' | 'bgr' {
  const order = text.toLowerCase();
  if (order !== 'rgb' && order !== 'bgr') throw new InvalidArgumentError('Allowed are rgb, bgr.');
  return order;
}

function parsePositive(text: string): number {
  const value = parseNumber(text);
  if (value <= 0) throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}

function parseTriple(text: string, parse: (part: string) => number): Triple {
  const values = text.split(',').map((part) => parse(part));
  if (values.length === 1) return [values[0], values[0], values[0]];
  if (values.length !== 3) throw new InvalidArgumentError('Expected three numbers separated by commas, or one for all channels.');
  return values as Triple;
}

function parseSize(text: string): [number, number] {
  const match = /^([1-9]\d*)(?:x([1-9]\d*))?$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Expected HxW, for instance 224x224.');
  return [Number(match[1]), Number(match[2] ?? match[1])];
}

/**
 * The part of a model's specification that flags set. Single flags override `--preprocess`.
 *
 * @throws UserError if the file of class names cannot be read
 */
export async function specOfFlags(flags: ModelFlags): Promise<Partial<ModelSpec>> {
  const given: Partial<ModelSpec> = {
    logits: flags.logits, channelOrder: flags.channelOrder, scale: flags.scale, mean: flags.mean, std: flags.std,
    classes: flags.classes === undefined ? undefined : await readClasses(flags.classes),
    inputSize: flags.modelInputSize,
    tokens: flags.tokens,
  };
  const preset = flags.preprocess === undefined ? {} : preprocessPresets[flags.preprocess];
  return { ...preset, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}

async function readClasses(nameOrFile: string): Promise<string[]> {
  if (CLASS_SETS.includes(nameOrFile) || /\.(?:ya?ml|json)$/i.test(nameOrFile)) return [...(await loadClassSet(nameOrFile)).classes];
  try {
    const names = (await readFile(nameOrFile, 'utf8')).split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== '');
    if (names.length > 0) return names;
  } catch (error) {
    throw new UserError(`cannot read the class names in ${nameOrFile}: ${messageOf(error)}`, `use --classes ${CLASS_SETS.join(' or ')}, or a file with one name per line`);
  }
  throw new UserError(`${nameOrFile} contains no class names`, 'write one name per line, in the order of the logits');
}
