import { z } from 'zod';
import { setting } from '../setting.js';

/** Settings of several commands that belong to no stage. */
export const sharedSettings = {
  model: setting(z.string().optional(), { group: 'Classifier', value: 'file', help: 'the classifier, an ONNX file', otherwise: 'the bundled classifier' }),
  out: setting(z.string().optional(), { group: 'Output', value: 'folder', help: 'where the results go' }),
};
