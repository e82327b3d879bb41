import { z } from 'zod';
import { imageSettings } from '../image/settings.js';
import { runtimeSettings } from '../runtime/settings.js';
import { setting } from '../setting.js';
import { faithfulnessSchema } from './faithfulness.js';
import { sharedSettings } from './shared.js';
import { trainSchema } from './train.js';

const group = 'Prototypes';
const { list, images, logitOffset } = faithfulnessSchema.shape;
const count = z.number().int().positive();
const { classSet, data, vocRoot, split, valShare, splitSeed, labels, labelFile, difficult, alsoTrainOn, seed, cache, workers } = trainSchema.shape;

/** Every setting of `prototypes`. */
export const prototypesSchema = z.strictObject({
  model: sharedSettings.model,
  out: setting(z.string().optional(), { group: 'Output', value: 'file', help: '.npz file to write' }),
  classSet, data, vocRoot, split, valShare, splitSeed, labels, labelFile, difficult, alsoTrainOn,
  list, images, logitOffset,
  layers: setting(z.array(z.string().min(1)).min(1).optional(), {
    group, value: 'layer,...', help: 'feature layers: strides like /32 or tensor names; write a comma in a name as \\,', otherwise: 'the deepest stride',
  }),
  positions: setting(count.default(60), { group, value: 'n', help: 'random positions of each photograph at each layer' }),
  centres: setting(count.default(24), { group, value: 'k', help: 'centres of each class at each layer' }),
  positive: setting(z.number().min(0).max(1).default(0.6), {
    group, value: 'q', help: 'a centre is positive if the mean of the class\'s map at its positions is at least q times that of the best centre',
  }),
  merge: setting(z.boolean().default(false), {
    group, help: 'write only the mean of the positive and of the negative centres of each class: the same maps, a file of a twelfth of the size',
  }),
  guide: setting(z.string().min(1).optional(), { group, value: 'layer', help: 'layer and method of this map', otherwise: 'grad-cam at the deepest stride' }),
  inputSize: imageSettings.inputSize, maxPixels: imageSettings.maxPixels,
  seed, cache,
  ...runtimeSettings,
  workers,
});

export type PrototypesConfig = z.infer<typeof prototypesSchema>;

/** The settings of `prototypes` as a user writes them; those left out have their defaults. */
export type PrototypesSettings = z.input<typeof prototypesSchema>;
