import { corrupt, OrderedDict, PickleFunction } from './values.js';
import type { PickleValue } from './values.js';

/** collections.OrderedDict(), with a list of pairs if Python 2 wrote it. */
const orderedDict = new PickleFunction(([pairs = []]) => {
  if (!Array.isArray(pairs)) throw corrupt();
  return new OrderedDict(pairs.map((pair): [PickleValue, PickleValue] => {
    if (!Array.isArray(pair) || pair.length !== 2) throw corrupt();
    return [pair[0], pair[1]];
  }));
});

/** A defaultdict's factory of missing values. It is never called. */
const factory = new PickleFunction(() => { throw corrupt(); });

/** collections.defaultdict(factory); its entries follow. */
const defaultDict = new PickleFunction(([made = null, ...rest]) => {
  if (rest.length > 0 || (made !== null && made !== factory)) throw corrupt();
  return new Map();
});

/** The dictionaries of Python's module `collections`. */
export const collections: ReadonlyMap<string, PickleFunction> = new Map([
  ['collections.OrderedDict', orderedDict],
  ['collections.defaultdict', defaultDict],
  ...['list', 'dict', 'set', 'tuple', 'int', 'float', 'str', 'bool'].flatMap((name): [string, PickleFunction][] => (
    [[`builtins.${name}`, factory], [`__builtin__.${name}`, factory]])),
]);
