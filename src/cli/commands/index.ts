import { registerAblate } from './ablate.js';
import { registerCam } from './cam.js';
import { registerConfig } from './config.js';
import { registerDoctor } from './doctor.js';
import { registerEval } from './eval.js';
import { registerGenerate } from './generate.js';
import { registerLabels } from './labels.js';
import type { CommandRegistrar } from '../command.js';
import { registerMerge } from './merge.js';
import { registerModel } from './model.js';
import { registerReport } from './report.js';
import { registerTrain } from './train.js';

/** Every command, in the order of the help text. */
export const commands: readonly CommandRegistrar[] = [
  registerGenerate, registerEval, registerMerge, registerAblate, registerReport, registerCam, registerTrain, registerLabels, registerModel,
  registerConfig, registerDoctor,
];
