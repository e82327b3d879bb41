import { z } from 'zod';
import { setting } from '../setting.js';

/** Settings of several commands that do not belong to a stage. */
export const sharedSettings = {
  model: setting(z.string().optional(), { group: 'Classifier', value: 'file', help: 'ONNX file of the classifier', otherwise: 'the bundled classifier' }),
  out: setting(z.string().optional(), { group: 'Output', value: 'folder', help: 'folder for the results' }),
};
