import { UserError } from '../errors.js';
import type { Size } from '../size.js';
import type { WeightsFile } from '../formats/weights/open.js';
import type { StateDict, StoredDictionary } from '../formats/weights/stored-tensor.js';
import type { Architecture, FeatureOptions, NetworkLayers } from './architectures.js';
import { architectures, HEAD_NAME, planFeatures, planNetwork, STRIDE } from './architectures.js';
import type { FoundHead } from './find-head.js';
import { findLinearHead, findVggHead, selfSupervised } from './find-head.js';
import type { Head } from './heads.js';
import { layouts } from './layouts.js';
import { list } from './names.js';
import type { NetworkPlace } from './locate.js';
import { findNetworks, holdTheSame, pathOf, placeAt } from './locate.js';
import type { Plan } from './plan.js';
import { otherProgram } from './other-programs.js';

/** The value of `--arch` that finds the architecture from the weights. */
export const AUTO = 'auto';

/** Choices that the weights file does not determine. */
export interface PlanChoices {
  /** The keys and the prefix of the network, if the file contains several. */
  readonly prefix?: string;
  /** The name in the file of the linear layer that computes the logits. By default it is found by name and shape. */
  readonly classifier?: string;
  /** The stride of ResNet's last stage. Default: 1 if the parameters have the names of IRN's network, else 2. */
  readonly lastStride?: 1 | 2;
}

/** A network planned for a weights file. */
export interface PlannedNetwork extends NetworkLayers {
  /** Its parameters, by torchvision's names. */
  readonly tensors: StateDict;
  /** The key of the checkpoint that contains them, if any. */
  readonly wrapper: string | undefined;
  /** The prefix of their names in the file, such as `module.`; may be empty. */
  readonly prefix: string;
  /** The name in the file of the linear layer that computes the logits; `undefined` for VGG's three layers and for a new one. */
  readonly classifier: string | undefined;
  /** Whether the parameters have the names of IRN's network. */
  readonly irn: boolean;
  /** Pixels per cell of the last feature map. */
  readonly stride: number;
  /** The names in the file of tensors that are not part of the network. */
  readonly leftOver: readonly string[];
}

/**
 * Finds the network of some weights and its classifier anywhere in the file, and plans it.
 *
 * @param name of an architecture, or {@link AUTO} to find it from the parameters
 * @param weights the dictionaries of an open file
 * @param source the name of the weights in error messages
 * @throws UserError if parameters are missing, unexpected or have a wrong shape, if no architecture matches, or if there are
 *   several networks or classifiers to choose from
 */
export async function planFor(
  name: string, { dictionaries }: Pick<WeightsFile, 'dictionaries'>, head: Head, size: Size, source: string, choices: PlanChoices = {},
): Promise<PlannedNetwork> {
  const known = architectures.filter((architecture) => name === AUTO || architecture.name === name);
  if (known.length === 0) throw new UserError(`no architecture is called '${name}'`, `known: ${architectures.map((each) => each.name).join(', ')}`);
  const places = chosenPlaces(findNetworks(dictionaries, source), choices.prefix, source);
  const fits = places.flatMap((place) => fitsOf(place, known));
  const complete = fits.filter(({ errors }) => errors === 0);
  // If no place was found, the largest dictionary is compared with every architecture, for the error message.
  const nearest = (): Fit => best(fits.length > 0 ? fits : known.flatMap((each) => fitsOf(whole(dictionaries, each), [each])));
  const fit = complete.length > 0 ? await single(complete, source) : nearest();
  const aliases = complete.filter(({ place }) => place.dictionary === fit.place.dictionary);
  const irn = aliases.some(({ place }) => place.layout.irn === true || isIrnWithoutStages(place));
  const options: FeatureOptions = { lastStride: choices.lastStride ?? (irn ? 1 : 2) };
  const place = { ...fit.place, others: without(fit.place.others, aliases) };
  const own = head.kind === 'gap' ? undefined : await headOf(place, fit, choices.classifier, source);
  const tensors = new Map([...place.body, ...own?.tensors ?? []]);
  const planned = planNetwork(fit.architecture, tensors, head, size, options);
  const strangers = fits.length === 0 ? foreign(place) : [];
  const errors = describeErrors(planned.plan, strangers);
  if (errors.length > 0) throw misfit(name, planned, errors, { place, strangers: strangers.length, found: fits.length > 0, head, own, source });
  const used = new Set(own?.used);
  return {
    ...planned, tensors, wrapper: place.dictionary.wrapper, prefix: place.prefix, classifier: own?.name, irn,
    stride: planned.architecture.family === 'resnet' ? STRIDE / 2 * options.lastStride : STRIDE,
    leftOver: beside(place).filter((each) => !used.has(each) && !(head.kind === 'gap' && isOldHead(each, place))),
  };
}

/** An architecture compared with a place. */
interface Fit {
  readonly place: NetworkPlace;
  readonly architecture: Architecture;
  readonly channels: number | null;
  /** The number of parameters that are missing, unexpected or have a wrong shape. */
  readonly errors: number;
}

function fitsOf(place: NetworkPlace, known: readonly Architecture[]): Fit[] {
  return known.filter(({ family }) => family === place.layout.family).map((architecture) => {
    const { plan, features } = planFeatures(architecture, place.body, { lastStride: 2 });
    return { place, architecture, channels: features.channels, errors: plan.missing.length + plan.unexpected.length + plan.misfits.length };
  });
}

function best(fits: readonly Fit[]): Fit {
  return fits.reduce((a, b) => (b.errors < a.errors ? b : a));
}

/** The places selected by `--prefix`; all if it is not given. */
function chosenPlaces(places: readonly NetworkPlace[], prefix: string | undefined, source: string): readonly NetworkPlace[] {
  if (prefix === undefined) return places;
  const wanted = prefix === '' || prefix.endsWith('.') ? prefix : `${prefix}.`;
  const chosen = places.filter((place) => pathOf(place) === wanted || place.prefix === wanted);
  if (chosen.length > 0) return chosen;
  throw new UserError(`${source} has no network with the prefix '${wanted}'`, places.length === 0 ? undefined : `there is one with ${list(pathsOf(places))}`);
}

function pathsOf(places: readonly NetworkPlace[]): string[] {
  return [...new Set(places.map((place) => `'${pathOf(place)}'`))];
}

/**
 * The first of several complete networks, if the others are the same under different names.
 *
 * @throws UserError if they differ
 */
async function single(complete: readonly Fit[], source: string): Promise<Fit> {
  const [first, ...others] = complete;
  const different: Fit[] = [];
  for (const other of others) {
    if (other.place === first.place) continue;
    if (!await holdTheSame(first.place.body, other.place.body, parametersOf(first))) different.push(other);
  }
  if (different.length === 0) return first;
  throw new UserError(
    `${source} contains several complete networks, with the prefixes ${list(pathsOf([first, ...different].map(({ place }) => place)))}`,
    `choose one, for instance --prefix ${pathOf(different[0].place)}`,
  );
}

function parametersOf({ place: { body } }: Fit): string[] {
  return [...body.keys()].filter((name) => !/\.num_batches_tracked$/.test(name));
}

/** The other tensors of a dictionary, without those that are the network under different names. */
function without(others: StateDict, aliases: readonly Fit[]): StateDict {
  const copies = new Set(aliases.flatMap(({ place: { body } }) => [...body.values()]));
  return new Map([...others].filter(([, tensor]) => !copies.has(tensor)));
}

/** Whether a file has only the first of IRN's names for each tensor: `resnet50.*` and a 1x1 convolution `classifier`. */
function isIrnWithoutStages({ prefix, others }: NetworkPlace): boolean {
  const outer = /^(.*\.)?resnet50\.$/.exec(prefix);
  if (outer === null) return false;
  const classifier = `${outer[1] ?? ''}classifier`;
  return others.get(`${classifier}.weight`)?.shape.length === 4 && !others.has(`${classifier}.bias`);
}

/** The largest dictionary, as if its names were torchvision's. */
function whole(dictionaries: readonly StoredDictionary[], { family }: Architecture): NetworkPlace {
  const dictionary = dictionaries.reduce((a, b) => (b.tensors.size > a.tensors.size ? b : a));
  return placeAt(dictionary, '', layouts.find((layout) => layout.family === family)!);
}

async function headOf(
  place: NetworkPlace, { architecture: { family }, channels }: Fit, wanted: string | undefined, source: string,
): Promise<FoundHead | undefined> {
  const vgg = family === 'vgg' && wanted === undefined ? findVggHead(place) : undefined;
  return vgg ?? findLinearHead(place, channels, HEAD_NAME[family], wanted, source);
}

/** The names of the other tensors, without counters and the like. */
function beside({ others }: NetworkPlace): string[] {
  return [...others].filter(([, { shape }]) => shape.some((n) => n > 1)).map(([name]) => name);
}

const OLD_HEAD = { vgg: /(?:^|\.)classifier\./, resnet: /(?:^|\.)(?:fc|classifier|newly_added\.0)\./ };

/** Whether a tensor belongs to the old head that a new one replaces. */
function isOldHead(name: string, { layout: { family } }: NetworkPlace): boolean {
  return OLD_HEAD[family].test(name);
}

/** The names in a file without a network that no architecture has. */
function foreign({ others }: NetworkPlace): string[] {
  return [...others.keys()].filter((name) => !/(?:^|\.)(?:fc|classifier)\./.test(name) && !/num_batches_tracked$/.test(name));
}

interface MisfitContext {
  readonly place: NetworkPlace;
  /** Whether a network was found; otherwise the place is the whole file. */
  readonly found: boolean;
  /** The number of names in the whole file that no architecture has. */
  readonly strangers: number;
  readonly head: Head;
  readonly own: FoundHead | undefined;
  readonly source: string;
}

function misfit(name: string, { architecture, plan }: NetworkLayers, errors: readonly string[], context: MisfitContext): UserError {
  const { place, found, strangers, head, own, source } = context;
  const names = [...place.dictionary.tensors.keys()];
  const nameErrors = plan.missing.length + plan.unexpected.length + strangers;
  if (name === AUTO && (!found || nameErrors >= names.length / 2)) {
    const other = otherProgram(names);
    return new UserError(
      `the architecture of ${source} is not recognised: it contains ${list(names)}${other === undefined ? '' : `, like ${other}`}`,
      `supported are torchvision's ${architectures.map((known) => known.name).join(', ')}; export other networks to ONNX`,
    );
  }
  const target = HEAD_NAME[architecture.family];
  const headMisses = head.kind !== 'gap' && plan.missing.length > 0 && plan.missing.every((parameter) => parameter.startsWith(`${target}.`));
  return new UserError(
    `${source} does not match ${architecture.name}${name === AUTO ? ', the closest architecture' : ''}: ${errors.join('; ')}`,
    headMisses ? headHint(place) : own?.name !== undefined && own.name !== target ? `'${target}' is called '${own.name}' in the file` : undefined,
  );
}

function headHint(place: NetworkPlace): string {
  const sign = selfSupervised(place);
  const without = 'to import weights without a classifier, add a new one with --head gap';
  if (sign !== undefined) return `'${sign}' shows that it was trained without labels; ${without}`;
  const others = beside(place);
  return others.length === 0 ? without : `${without}; if the classifier is one of ${list(others)}, name it with --classifier NAME`;
}

function describeErrors({ missing, unexpected, misfits }: Plan, foreignNames: readonly string[]): string[] {
  const strangers = [...unexpected, ...foreignNames];
  return [
    ...missing.length > 0 ? [`missing ${list(missing)}`] : [],
    ...strangers.length > 0 ? [`unexpected ${list(strangers)}`] : [],
    ...misfits.length > 0 ? [`wrong shape or type: ${list(misfits, '; ')}`] : [],
  ];
}
