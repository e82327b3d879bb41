import { ablationCamWeights } from './ablation-cam.js';
import { cam } from './cam.js';
import { eigenCam } from './eigen-cam.js';
import { eigenGradCam } from './eigengrad-cam.js';
import { gradCam } from './grad-cam.js';
import { gradCamPlusPlus } from './grad-cam-plus-plus.js';
import { hiResCam } from './hires-cam.js';
import { layerCam } from './layer-cam.js';
import type { CamMethod } from './method.js';
import { prototypeCam } from './prototype-cam.js';
import { scoreCamWeights } from './score-cam.js';
import { xGradCam } from './xgrad-cam.js';

const table = {
  'cam': { kind: 'gradient', map: cam, linearHead: true },
  'grad-cam': { kind: 'gradient', map: gradCam },
  'grad-cam++': { kind: 'gradient', map: gradCamPlusPlus },
  'xgrad-cam': { kind: 'gradient', map: xGradCam },
  'hires-cam': { kind: 'gradient', map: hiResCam },
  'layer-cam': { kind: 'gradient', map: layerCam },
  'eigen-cam': { kind: 'activation', map: eigenCam },
  'eigengrad-cam': { kind: 'gradient', map: eigenGradCam },
  'prototype-cam': { kind: 'vectors', map: prototypeCam },
  'score-cam': { kind: 'channels', change: 'mask', weights: scoreCamWeights },
  'ablation-cam': { kind: 'channels', change: 'ablate', weights: ablationCamWeights },
} satisfies Record<string, CamMethod>;

export type CamMethodName = keyof typeof table;

/** Every CAM method by the name that users type. To add one, add a row here and a file with its formula. */
export const camMethods: Readonly<Record<CamMethodName, CamMethod>> = table;
