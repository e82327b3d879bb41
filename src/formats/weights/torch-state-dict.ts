import type { PickleValue } from '../pickle/values.js';
import { WeightsError } from './error.js';
import { TorchTensor } from './torch-pickle.js';

/** How deep dictionaries of tensors are searched: `checkpoint['teacher']['state_dict']` is 2. */
const DEEPEST = 3;

/** Keys of optimisers, whose state is as large as the weights but not a network. */
const OPTIMISER = /optimi[sz]er|^optims?$/i;

/** The tensors in one dictionary of a checkpoint. */
export interface TorchDictionary {
  readonly tensors: ReadonlyMap<string, TorchTensor>;
  /** Its path of keys, joined by dots; `undefined` for the checkpoint itself. */
  readonly wrapper: string | undefined;
}

/**
 * The dictionaries of tensors in a checkpoint: the checkpoint itself, and those inside it (`state_dict`, `model`,
 * `model_ema`, `teacher`, ...). Everything else is skipped: numbers, settings, the optimiser's state.
 *
 * @returns at least one, each with at least one tensor
 * @throws {WeightsError} if there is none
 */
export function torchDictionaries(value: PickleValue): TorchDictionary[] {
  const found: TorchDictionary[] = [];
  const seen = new Set<PickleValue>();
  const look = (dictionary: PickleValue, keys: readonly string[]): void => {
    // A pickle can have a dictionary that contains itself.
    if (!(dictionary instanceof Map) || seen.has(dictionary)) return;
    seen.add(dictionary);
    const entries = [...dictionary].filter((entry): entry is [string, PickleValue] => typeof entry[0] === 'string');
    const tensors = new Map(entries.filter((entry): entry is [string, TorchTensor] => entry[1] instanceof TorchTensor));
    if (tensors.size > 0) found.push({ tensors, wrapper: keys.length === 0 ? undefined : keys.join('.') });
    if (keys.length === DEEPEST) return;
    for (const [key, inner] of entries) if (!OPTIMISER.test(key)) look(inner, [...keys, key]);
  };
  look(value, []);
  if (found.length > 0) return found;
  if (!(value instanceof Map)) throw new WeightsError('it contains no dictionary of tensors', SAVE_STATE_DICT);
  const keys = [...value.keys()].filter((key) => typeof key === 'string').slice(0, 8);
  throw new WeightsError(`it contains no dictionary of tensors: its keys are ${keys.join(', ')}`, SAVE_STATE_DICT);
}

/** The hint how to save a supported file. */
export const SAVE_STATE_DICT = 'save only the weights, in Python: torch.save(model.state_dict(), \'weights.pth\')';
