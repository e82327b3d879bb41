import type { FeatureLayer } from '../classifier/layers.js';
import type { ClassVectors, Prototypes } from '../classifier/prototypes.js';
import { UserError } from '../errors.js';

/**
 * The class vectors at a layer.
 *
 * @param method the method that needs them, for messages
 * @throws UserError if there are no prototypes, or none at this layer
 */
export function vectorsAt(prototypes: Prototypes | undefined, layer: FeatureLayer, method: string): ClassVectors {
  if (prototypes === undefined) {
    throw new UserError(`${method} at '${layer.name}' needs prototypes`, 'name the file that \'voc-seeds prototypes\' has written, or those of the bundled classifier: --prototypes FILE or --prototypes bundled (in a program: withPrototypes)');
  }
  const vectors = prototypes.layers.get(layer.name);
  if (vectors === undefined) {
    const known = [...prototypes.layers.keys()];
    throw new UserError(
      `the prototypes ${prototypes.path} have none at the layer '${layer.name}', only at ${known.join(', ')}`,
      `fit them at all layers that use ${method}: voc-seeds prototypes --layers ${[...known, layer.name].join(',')} ...; or use it only at ${known.join(', ')}`,
    );
  }
  if (vectors.channels !== layer.channels) {
    throw new UserError(`the prototypes ${prototypes.path} have ${vectors.channels} channels at '${layer.name}', but the layer has ${layer.channels}`, 'fit them again with \'voc-seeds prototypes\'');
  }
  return vectors;
}
