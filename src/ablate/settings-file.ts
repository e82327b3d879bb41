import { z } from 'zod';
import { packageVersion } from '../package.js';
import type { SeedSettings } from '../settings/cam.js';
import { seedSettings } from '../settings/cam.js';
import type { GenerateConfig } from '../settings/generate.js';
import { generateFile } from '../settings/write.js';
import { generateSettings, parameterText } from './format.js';
import type { PassSettings } from '../variants/pass.js';
import type { AblationScores, VariantScore } from './score.js';
import { largestOf } from './tune.js';

/** What a settings file says about its making. */
export interface SettingsOrigin {
  /** The lists or splits that parameters were tuned and scored on. */
  readonly tuneOn: string;
  readonly scoreOn: string;
  /** The name of the source of image-level labels. */
  readonly labels: string;
  readonly classifier: string;
  /** Settings of `generate` that the thresholds belong to, if they were given: the classifier, the prototypes and the class set. */
  readonly given: Pick<GenerateConfig, 'model' | 'prototypes' | 'classSet'>;
}

/** The variant with the best score on the images that parameters were tuned on. */
export function bestTuned(scores: readonly VariantScore[]): VariantScore {
  return scores[largestOf(scores.map(({ tuned }) => tuned))];
}

/**
 * A variant with its tuned parameter as a settings file for `generate`, which then makes the seeds that were scored.
 *
 * @param score one of the scores of `result`
 */
export function variantFile(score: VariantScore, result: AblationScores, pass: PassSettings, origin: SettingsOrigin): string {
  const { model, prototypes, classSet } = origin.given;
  const seeds: SeedSettings = z.object(seedSettings).parse({ ...generateSettings(score, pass, result.classes), ...commonThreshold(score) });
  const settings = {
    ...model !== undefined && { model }, ...prototypes !== undefined && { prototypes }, ...classSet !== undefined && { classSet }, ...seeds,
  };
  return generateFile(settings, score.variant.recipe.layers.length, commentOf(score, result, origin));
}

/** Thresholds per class start from the best common one. Classes without a threshold of their own get it. */
function commonThreshold({ parameter, curve }: VariantScore): Partial<SeedSettings> {
  return parameter.name === 'per-class' ? { threshold: curve[largestOf(curve.map(({ tuned }) => tuned))].value } : {};
}

function commentOf({ variant, parameter, tuned, miou }: VariantScore, { sawMasks, images }: AblationScores, origin: SettingsOrigin): string[] {
  const what = parameter.name === 'per-class' ? 'a threshold per class; threshold is the best common one, where they started' : parameterText(parameter);
  return [
    `Written by voc-seeds ${packageVersion()}, ablate --write-config.`,
    `Variant: ${variant.name}. Tuned: ${what}.`,
    `Tuned on ${origin.tuneOn}, ${count(images.tune)}: mIoU ${percent(tuned)}.`,
    ...sawMasks ? [] : [`Scored on ${origin.scoreOn}, ${count(images.score)}: mIoU ${percent(miou)}.`],
    'These choices saw the ground-truth masks of the tuning images, so scores on those images are too good.',
    `Classifier: ${origin.classifier}. Image-level labels: ${origin.labels}. With others, tune again.`,
  ];
}

const count = (images: number): string => `${images} ${images === 1 ? 'image' : 'images'}`;
const percent = (ratio: number): string => `${(100 * ratio).toFixed(2)} %`;
