import type { CamMethodName } from '../names.js';
import { ablationCamWeights } from './ablation-cam.js';
import { cam } from './cam.js';
import { gradCam } from './grad-cam.js';
import { gradCamPlusPlus } from './grad-cam-plus-plus.js';
import { hiResCam } from './hires-cam.js';
import { layerCam } from './layer-cam.js';
import type { CamMethod } from './method.js';
import { scoreCamWeights } from './score-cam.js';
import { xGradCam } from './xgrad-cam.js';

/** Every CAM method by the name that users type; the compiler sees to it that the settings know the same names. */
export const camMethods: Readonly<Record<CamMethodName, CamMethod>> = {
  'cam': { kind: 'gradient', map: cam, linearHead: true },
  'grad-cam': { kind: 'gradient', map: gradCam },
  'grad-cam++': { kind: 'gradient', map: gradCamPlusPlus },
  'xgrad-cam': { kind: 'gradient', map: xGradCam },
  'hires-cam': { kind: 'gradient', map: hiResCam },
  'layer-cam': { kind: 'gradient', map: layerCam },
  'score-cam': { kind: 'channels', change: 'mask', weights: scoreCamWeights },
  'ablation-cam': { kind: 'channels', change: 'ablate', weights: ablationCamWeights },
};
