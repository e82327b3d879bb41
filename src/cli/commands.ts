import { registerCam } from './cam.js';
import { registerEval } from './eval.js';
import { registerGenerate } from './generate.js';
import { registerLabels } from './labels.js';
import type { CommandRegistrar } from './main.js';
import { registerModel } from './model.js';
import { registerTrain } from './train.js';

/** Every command, in the order of the help text. */
export const commands: readonly CommandRegistrar[] = [registerGenerate, registerEval, registerCam, registerTrain, registerLabels, registerModel];
