import { UserError } from '../../errors.js';
import type { LabelSource } from './source.js';

/** The labels that a data set has by itself: those of its items. */
export function ownLabels(): LabelSource {
  return {
    name: 'own',
    labels({ id, labels, problem = 'the data set has no labels of its own' }) {
      return labels === undefined ? Promise.reject(new UserError(`no labels for ${id}: ${problem}`)) : Promise.resolve([...labels]);
    },
  };
}
