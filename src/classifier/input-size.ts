import { UserError } from '../errors.js';
import { parseInputSize } from '../image/input-size.js';
import type { InputSize } from '../image/input-size.js';
import type { LoadedClassifier } from './load.js';

/**
 * The input size to use: the one in the settings, or the only one that the network accepts.
 *
 * @param inputSize as {@link parseInputSize} reads it
 * @throws UserError if a network with a fixed size should run at other scales
 */
export function inputSizeFor(
  { graph, path }: Pick<LoadedClassifier, 'graph' | 'path'>, { inputSize, scales }: { readonly inputSize: string; readonly scales: readonly number[] },
): InputSize {
  const { fixedSize } = graph.input;
  if (fixedSize === undefined) return parseInputSize(inputSize);
  if (scales.some((scale) => scale !== 1)) {
    throw new UserError(`${path} works at ${fixedSize.join('x')} pixels only, so it cannot run at other scales`, 'remove --scales, or export the model with free height and width');
  }
  return { kind: 'fixed', size: fixedSize };
}
