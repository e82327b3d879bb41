import { UserError } from '../errors.js';
import type { StateDict, StoredDictionary, StoredTensor } from '../formats/weights/stored-tensor.js';
import type { Layout } from './layouts.js';
import { layouts } from './layouts.js';

/** A place in a file that seems to contain the convolutions of a network. */
export interface NetworkPlace {
  readonly dictionary: StoredDictionary;
  /** The prefix of its module names, such as `module.`; may be empty. */
  readonly prefix: string;
  readonly layout: Layout;
  /** The tensors of its convolutions, by torchvision's names. */
  readonly body: StateDict;
  /** All other tensors of the dictionary, by their names in the file; computed on each access. */
  readonly others: StateDict;
}

/** More networks than any weights file contains. */
const MOST_PLACES = 64;

/**
 * Finds the networks in a file, under any prefix, by a kernel that every network of a family has.
 *
 * @throws UserError if there are more than {@link MOST_PLACES}
 */
export function findNetworks(dictionaries: readonly StoredDictionary[], source: string): NetworkPlace[] {
  const places: NetworkPlace[] = [];
  const known = new Set<StoredTensor>();
  for (const dictionary of dictionaries) {
    for (const layout of layouts) {
      for (const [name, tensor] of dictionary.tensors) {
        const prefix = prefixBefore(name, layout.anchor);
        if (prefix === undefined || !fits(tensor.shape, layout.anchorShape)) continue;
        // A VGG's `features.0` is also `0` with the prefix `features.`.
        if (layout.family === 'vgg' && known.has(tensor)) continue;
        known.add(tensor);
        places.push(placeAt(dictionary, prefix, layout));
        if (places.length > MOST_PLACES) throw new UserError(`${source} contains more than ${MOST_PLACES} networks`, 'save the weights of a single network');
      }
    }
  }
  return places;
}

/** Deeper nesting of modules than in any network. */
const DEEPEST = 16;

/** The part of a name before `ending`: empty, or up to and including a dot. */
function prefixBefore(name: string, ending: string): string | undefined {
  if (!name.endsWith(ending)) return undefined;
  const prefix = name.slice(0, -ending.length);
  return prefix === '' || (prefix.endsWith('.') && prefix.split('.').length <= DEEPEST) ? prefix : undefined;
}

function fits(shape: readonly number[], expected: readonly (number | null)[]): boolean {
  return shape.length === expected.length && expected.every((size, i) => size === null || shape[i] === size);
}

/** Names of a network's convolutions. Also matches `conv2` and `layer5`, which no known network has. */
const BODY = { resnet: /^(?:conv|bn|layer)\d+\./, vgg: /^features\./ };

/** The tensors of a network under a prefix. */
export function placeAt(dictionary: StoredDictionary, prefix: string, layout: Layout): NetworkPlace {
  const own = [...layout.modules].every(([ours, theirs]) => ours === theirs);
  const oursOf = (name: string): string | undefined => {
    const inner = name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
    const ours = inner === undefined ? undefined : own ? inner : renamed(inner, layout);
    return ours !== undefined && BODY[layout.family].test(ours) ? ours : undefined;
  };
  const body = new Map<string, StoredTensor>();
  for (const [name, tensor] of dictionary.tensors) {
    const ours = oursOf(name);
    if (ours !== undefined) body.set(ours, tensor);
  }
  return {
    dictionary, prefix, layout, body,
    // Not stored: a file may have many places, and the others of each are almost the whole file.
    get others() { return new Map([...dictionary.tensors].filter(([name]) => oursOf(name) === undefined)); },
  };
}

function renamed(name: string, { modules }: Layout): string | undefined {
  for (const [ours, theirs] of modules) {
    if (theirs === '') return /^\d+\./.test(name) ? `${ours}.${name}` : undefined;
    if (name.startsWith(`${theirs}.`)) return ours + name.slice(theirs.length);
  }
  return undefined;
}

/** The keys and the prefix of a network in the form that `--prefix` takes. */
export function pathOf({ dictionary: { wrapper }, prefix }: Pick<NetworkPlace, 'dictionary' | 'prefix'>): string {
  return wrapper === undefined ? prefix : `${wrapper}.${prefix}`;
}

/**
 * Whether two places contain the same network: the same tensors under different names, or copies of them. The values of the
 * parameters are compared unless the file shows that they are the same tensors.
 */
export async function holdTheSame(a: StateDict, b: StateDict, names: Iterable<string>): Promise<boolean> {
  for (const name of names) {
    const [x, y] = [a.get(name), b.get(name)];
    if (x === undefined || y === undefined || !await sameTensor(x, y)) return false;
  }
  return true;
}

/** Whether two tensors are the same one, or contain the same values. */
export async function sameTensor(x: StoredTensor, y: StoredTensor): Promise<boolean> {
  if (x === y || (x.place !== undefined && x.place === y.place && x.type === y.type)) return true;
  if (x.type !== y.type || x.shape.join() !== y.shape.join()) return false;
  const [p, q] = [await x.read(), await y.read()];
  return p.every((value, i) => Object.is(value, q[i]));
}
