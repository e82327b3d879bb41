import { UserError } from '../errors.js';
import type { Size } from '../onnx/shapes.js';
import type { StateDict } from '../weights/stored-tensor.js';
import type { PlannedNetwork } from './architectures.js';
import { architectures, planNetwork } from './architectures.js';
import type { Head } from './heads.js';

/** The value of `--arch` that leaves it to the weights. */
export const AUTO = 'auto';

/** As many parameters as messages name. */
const SHOWN = 4;

/**
 * Plans the network that some weights are for.
 *
 * @param name of an architecture, or {@link AUTO} for the one whose parameters they are
 * @param source what messages call the weights
 * @throws UserError where parameters are missing, unexpected or of another shape, or no architecture is like them
 */
export function planFor(name: string, tensors: StateDict, head: Head, size: Size, source: string): PlannedNetwork {
  const candidates = architectures.filter((architecture) => name === AUTO || architecture.name === name);
  if (candidates.length === 0) throw new UserError(`no architecture is called '${name}'`, `known: ${architectures.map((known) => known.name).join(', ')}`);
  const planned = candidates.map((architecture) => planNetwork(architecture, tensors, head, size));
  const [best] = planned.sort((a, b) => nameErrors(a) - nameErrors(b));
  const errors = describeErrors(best);
  if (errors.length === 0) return best;
  const names = [...tensors.keys()];
  if (name === AUTO && nameErrors(best) >= names.length / 2) {
    throw new UserError(`the architecture of ${source} is not recognised: it holds ${list(names)}`, `known are torchvision's ${architectures.map((known) => known.name).join(', ')}; other networks: export them to ONNX`);
  }
  const headMisses = head.kind !== 'gap' && best.plan.missing.length > 0 && best.plan.missing.every((parameter) => best.architecture.headNames.test(parameter));
  throw new UserError(
    `${source} does not hold the weights of ${best.architecture.name}${name === AUTO ? ', which it is most like' : ''}: ${errors.join('; ')}`,
    headMisses ? 'weights without a classifier can be imported with a new one: --head gap' : undefined,
  );
}

/** How far the names of the parameters are from those of a network. */
function nameErrors({ plan }: PlannedNetwork): number {
  return plan.missing.length + plan.unexpected.length;
}

function describeErrors({ plan }: PlannedNetwork): string[] {
  const { missing, unexpected, misfits } = plan;
  return [
    ...missing.length > 0 ? [`missing ${list(missing)}`] : [],
    ...unexpected.length > 0 ? [`unexpected ${list(unexpected)}`] : [],
    ...misfits.length > 0 ? [`of another shape: ${list(misfits, '; ')}`] : [],
  ];
}

function list(names: readonly string[], separator = ', '): string {
  const more = names.length - SHOWN;
  return names.slice(0, SHOWN).join(separator) + (more > 0 ? ` and ${more} more` : '');
}
