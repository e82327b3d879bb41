import { requirePrototypes } from '../cam/plan.js';
import { inputSizeFor } from '../classifier/input-size.js';
import type { LoadedClassifier } from '../classifier/load.js';
import type { BatchWork, PoolPlan } from '../pipeline/image-batch.js';
import { PhotoCam } from '../pipeline/photo-cam.js';
import type { PhotoCamPlan, PhotoCamSettings } from '../pipeline/photo-cam.js';
import type { AblateConfig } from '../settings/ablate.js';
import { identityOf, requestsOf } from './map-plan.js';
import type { MapPlan } from './map-plan.js';

/** The settings that all variants share. */
export type PassSettings = Pick<AblateConfig, 'target' | 'finerStrength' | 'scoreCamTopK' | 'scoreCamBatch' | 'inputSize' | 'maxPixels'>;

/** One pass over photographs that makes the maps of all variants. */
export interface VariantPass {
  /** What the maps depend on, besides the classifier and the input size, for the journal. */
  readonly identity: Readonly<Record<string, unknown>>;
  readonly network: BatchWork<unknown, unknown, unknown>['network'];
  /**
   * For all requests in all views.
   *
   * @param plan how many images of one size go to the network at once, and the block of the runtime's layout
   */
  readonly photo: (plan: Pick<PoolPlan, 'batch' | 'block'>) => PhotoCamPlan;
}

/**
 * Plans a pass: every photograph goes through the network once per view that any variant asks for.
 *
 * @throws UserError if a method does not work with the classifier
 */
export function variantPass(classifier: LoadedClassifier, settings: PhotoCamSettings & PassSettings, plan: MapPlan): VariantPass {
  const { target, finerStrength, scoreCamTopK, scoreCamBatch, maxPixels, inputSize } = settings;
  const requests = requestsOf(classifier.graph, plan);
  requirePrototypes(requests, classifier.prototypes);
  const { views } = plan;
  // What does not work is refused before the run starts. The plan itself is made when the runtime is known.
  PhotoCam.plan(classifier, settings, { requests, views, shared: false });
  const scales = [...new Set(views.map(({ scale }) => scale))];
  return {
    identity: { target, finerStrength, scoreCamTopK, scoreCamBatch, maxPixels, ...identityOf(plan) },
    network: { inputSize: inputSizeFor(classifier, { inputSize, scales }), maxPixels, scales },
    photo: ({ batch, block }) => PhotoCam.plan(classifier, settings, { requests, views, batch, block }),
  };
}
