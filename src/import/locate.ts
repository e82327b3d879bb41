import { UserError } from '../errors.js';
import type { StateDict, StoredDictionary, StoredTensor } from '../formats/weights/stored-tensor.js';
import type { Layout } from './layouts.js';
import { layouts } from './layouts.js';

/** A place in a file where the convolutions of a network seem to be. */
export interface NetworkPlace {
  readonly dictionary: StoredDictionary;
  /** What stands before the names of its modules, such as `module.`; empty for nothing. */
  readonly prefix: string;
  readonly layout: Layout;
  /** The tensors of its convolutions by torchvision's names, whatever they are called in the file. */
  readonly body: StateDict;
  /** What else the dictionary holds, by its names in the file; put together when it is asked for. */
  readonly others: StateDict;
}

/** More networks than any file of weights holds. */
const MOST_PLACES = 64;

/**
 * Finds the networks in a file: wherever a kernel stands that every network of a family has, under any prefix.
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
        // A VGG's `features.0` is also `0` behind the prefix `features.`.
        if (layout.family === 'vgg' && known.has(tensor)) continue;
        known.add(tensor);
        places.push(placeAt(dictionary, prefix, layout));
        if (places.length > MOST_PLACES) throw new UserError(`${source} holds more than ${MOST_PLACES} networks`, 'save the weights of one network alone');
      }
    }
  }
  return places;
}

/** More modules within one another than any network has. */
const DEEPEST = 16;

/** What stands before `ending` in a name: empty, or up to a dot. */
function prefixBefore(name: string, ending: string): string | undefined {
  if (!name.endsWith(ending)) return undefined;
  const prefix = name.slice(0, -ending.length);
  return prefix === '' || (prefix.endsWith('.') && prefix.split('.').length <= DEEPEST) ? prefix : undefined;
}

function fits(shape: readonly number[], expected: readonly (number | null)[]): boolean {
  return shape.length === expected.length && expected.every((size, i) => size === null || shape[i] === size);
}

/** What a network's convolutions may be called: `conv2` and `layer5` as well, which no known network has. */
const BODY = { resnet: /^(?:conv|bn|layer)\d+\./, vgg: /^features\./ };

/** The tensors of a network that stands behind a prefix. */
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
    // A file may hold many places: what lies beside each of them would be almost all of it every time.
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

/** The keys and the prefix that lead to a network, as `--prefix` takes them. */
export function pathOf({ dictionary: { wrapper }, prefix }: Pick<NetworkPlace, 'dictionary' | 'prefix'>): string {
  return wrapper === undefined ? prefix : `${wrapper}.${prefix}`;
}

/**
 * Whether two places hold one network: the same tensors under other names, or copies of them.
 *
 * @returns the parameters' numbers are compared where the file does not say that they are the same
 */
export async function holdTheSame(a: StateDict, b: StateDict, names: Iterable<string>): Promise<boolean> {
  for (const name of names) {
    const [x, y] = [a.get(name), b.get(name)];
    if (x === undefined || y === undefined || !await sameTensor(x, y)) return false;
  }
  return true;
}

/** Whether two tensors are one, or hold the same numbers. */
export async function sameTensor(x: StoredTensor, y: StoredTensor): Promise<boolean> {
  if (x === y || (x.place !== undefined && x.place === y.place && x.type === y.type)) return true;
  if (x.type !== y.type || x.shape.join() !== y.shape.join()) return false;
  const [p, q] = [await x.read(), await y.read()];
  return p.every((value, i) => Object.is(value, q[i]));
}
