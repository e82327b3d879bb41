import { z } from 'zod';
import { infoOf, setting } from '../setting.js';
import { camSettings } from './cam.js';
import { sharedSettings } from './shared.js';

const { method, target, finerStrength, layers, layerNorm, scaleLayers, gamma, fuse, upsample, alignCorners, mapNorm, scales, flip } = camSettings;

/** The settings of `model cam-program` that have flags. Scales and mirror images are only there to be turned off. */
export const camProgramSettings = {
  model: sharedSettings.model, prototypes: sharedSettings.prototypes, method, target, finerStrength, layers, layerNorm, scaleLayers, gamma,
  fuse: setting(z.enum([...fuse.unwrap().options, 'none']).default('max'), {
    group: infoOf(fuse)!.group, value: 'how', help: 'fuse layers by their maximum or mean; none: only the map of each layer',
  }),
  upsample, alignCorners, mapNorm, scales, flip,
};
