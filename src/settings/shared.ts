import { z } from 'zod';
import { usesMethod } from '../cam/settings.js';
import { setting } from '../setting.js';

/** Settings of several commands that do not belong to a stage. */
export const sharedSettings = {
  model: setting(z.string().optional(), { group: 'Classifier', value: 'file', help: 'ONNX file of the classifier', otherwise: 'the bundled classifier' }),
  prototypes: setting(z.string().optional(), {
    group: 'CAM', value: 'file', help: 'prototypes of the classes for --method prototype-cam, as \'voc-seeds prototypes\' writes them; bundled: those of the bundled classifier',
    needs: (settings: { method: string; layers: string[] }) => (usesMethod(settings, 'prototype-cam') ? undefined : '--method prototype-cam'),
  }),
  out: setting(z.string().optional(), { group: 'Output', value: 'folder', help: 'folder for the results' }),
};
