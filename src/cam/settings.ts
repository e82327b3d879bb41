import { z } from 'zod';
import { axis, checkedBy, setting } from '../setting.js';
import { parseLayerChoice } from './layer-choice.js';
import type { CamMethodName } from './names.js';
import { CAM_METHODS, CAM_TARGETS, DEFAULT_CHANNEL_BATCH, DEFAULT_LAYERS } from './names.js';

/** Whether one of the layers has one of the methods. */
export function usesMethod(
  { method, layers }: { readonly method: string; readonly layers: readonly string[] }, ...methods: CamMethodName[]
): boolean {
  return methods.some((name) => layers.some((layer) => layer.endsWith(`@${name}`) || (method === name && !layer.includes('@'))));
}

/** The settings of class activation maps: method, target and layers. */
export const camSettings = {
  method: axis(z.enum(CAM_METHODS).default('layer-cam'), {
    group: 'CAM', value: 'name', help: 'CAM method of the layers that do not name their own', named: (value) => value,
  }),
  target: setting(z.enum(CAM_TARGETS).default('logit'), {
    group: 'CAM', value: 'what',
    help: 'what the maps explain: a function of the logits; margin: the class\'s logit minus the largest other logit; finer: minus the mean of the three nearest logits',
  }),
  finerStrength: setting(z.number().positive().optional(), {
    group: 'CAM', value: 'a', help: '--target finer: factor of the mean of the nearest logits', otherwise: '1',
    needs: ({ target }: { target: string }) => (target === 'finer' ? undefined : '--target finer'),
  }),
  scoreCamTopK: setting(z.number().int().positive().optional(), {
    group: 'CAM', value: 'n', help: 'Score-CAM: use only the n channels with the largest mean activations', otherwise: 'all',
    needs: (settings: { method: string; layers: string[] }) => (usesMethod(settings, 'score-cam') ? undefined : '--method score-cam'),
  }),
  scoreCamBatch: setting(z.number().int().positive().default(DEFAULT_CHANNEL_BATCH), {
    group: 'CAM', value: 'n', help: 'Score-CAM, Ablation-CAM: number of channels run at once',
    needs: (settings: { method: string; layers: string[] }) => (
      usesMethod(settings, 'score-cam', 'ablation-cam') ? undefined : '--method score-cam or ablation-cam'),
  }),
  layers: axis(checkedBy(z.array(z.string().min(1)).min(1), (layers) => { for (const layer of layers) parseLayerChoice(layer, 'layer-cam'); }).default([...DEFAULT_LAYERS]), {
    group: 'CAM', value: 'layer,...',
    help: 'feature layers to fuse: strides like /16 or tensor names, optionally with their own method: /32@grad-cam; write a comma in a name as \\,',
    named: (value) => value.join(','),
  }),
};
