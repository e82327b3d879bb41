import type { PickleValue } from '../pickle/values.js';
import { WeightsError } from './error.js';
import { TorchTensor } from './torch-pickle.js';

/** What training programs call the state dictionary among the other things they save. */
const WRAPPERS = ['state_dict', 'model_state_dict', 'model', 'net'] as const;

/**
 * The tensors of a checkpoint: the dictionary itself where its values are tensors, or the one that it holds under one of
 * the usual names.
 *
 * @throws {WeightsError} where there is none
 */
export function torchStateDict(value: PickleValue): { tensors: ReadonlyMap<string, TorchTensor>; wrapper: string | undefined } {
  const own = tensorsOf(value);
  if (own !== undefined) return { tensors: own, wrapper: undefined };
  if (!(value instanceof Map)) throw new WeightsError('it holds no dictionary of tensors', SAVE_STATE_DICT);
  for (const wrapper of WRAPPERS) {
    const tensors = tensorsOf(value.get(wrapper) ?? null);
    if (tensors !== undefined) return { tensors, wrapper };
  }
  const keys = [...value.keys()].filter((key) => typeof key === 'string').slice(0, 8);
  throw new WeightsError(`it holds no dictionary of tensors: its keys are ${keys.join(', ')}`, `weights are looked for in the file's dictionary itself and under ${WRAPPERS.join(', ')}`);
}

/** How to write a file that can be read. */
export const SAVE_STATE_DICT = 'save the weights alone, in Python: torch.save(model.state_dict(), \'weights.pth\')';

/** The tensors of a dictionary, if it holds nothing else (a state dictionary may hold numbers or None beside them). */
function tensorsOf(value: PickleValue): ReadonlyMap<string, TorchTensor> | undefined {
  if (!(value instanceof Map) || value.size === 0) return undefined;
  const tensors = [...value].filter((entry): entry is [string, TorchTensor] => typeof entry[0] === 'string' && entry[1] instanceof TorchTensor);
  const nested = [...value.values()].some((entry) => entry instanceof Map && entry.size > 0);
  return tensors.length === 0 || nested ? undefined : new Map(tensors);
}
