import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { CAM_METHODS, CAM_TARGETS, DEFAULT_CHANNEL_BATCH } from '../config/cam.js';
import { parseCount } from './devkit-options.js';
import { parseNumber } from './model-options.js';

/** The flags of {@link addCamOptions}; defaults are in the schema of the settings. */
export interface CamFlags {
  method?: string;
  target?: string;
  scoreCamTopK?: number;
  scoreCamBatch?: number;
  layers?: string[];
  inputSize?: string;
  maxPixels?: number;
  layerNorm?: string;
  scaleLayers?: string;
  gamma?: number;
  fuse?: string;
  upsample?: string;
  alignCorners?: boolean;
  mapNorm?: string;
  scales?: number[];
  flip?: boolean;
  scaleNorm?: string;
  scaleFuse?: string;
  fuseFirst?: string;
}

/** Adds the options of class activation maps. */
export function addCamOptions(command: Command): Command {
  return command
    .addOption(new Option('--method <name>', 'how activations become a map (default: layer-cam)').choices(CAM_METHODS))
    .addOption(new Option('--target <what>', 'what of a class is explained; margin: its logit minus the strongest other one (default: logit)').choices(CAM_TARGETS))
    .option('--score-cam-top-k <n>', 'Score-CAM: only the n channels with the largest mean activations (default: all)', parseCount)
    .option('--score-cam-batch <n>', `Score-CAM, Ablation-CAM: channels that go through the network at once (default: ${DEFAULT_CHANNEL_BATCH})`, parseCount)
    .option('--layers <layer,...>', 'feature layers to fuse: strides like /16, or tensor names, each with a method of its own if you like: /32@grad-cam (default: /8,/16,/32)', parseNames)
    .option('--input-size <size>', 'size at the network: native, short:N, long:N or fixed:HxW (default: short:320)')
    .option('--max-pixels <n>', 'hold larger inputs down to this many pixels (default: 4194304)', parseCount)
    .addOption(new Option('--layer-norm <norm>', 'divide each layer\'s map by its maximum (default: max)').choices(['max', 'none']))
    .addOption(new Option('--scale-layers <which>', 'layers scaled by tanh(gamma x): all but the deepest, all, none (default: shallow)')
      .choices(['shallow', 'all', 'none']))
    .option('--gamma <g>', 'the gamma of tanh(gamma x) (default: 2)', parseNumber)
    .addOption(new Option('--fuse <how>', 'layers become one map by their maximum or mean (default: max)').choices(['max', 'mean']))
    .addOption(new Option('--upsample <how>', 'from cells to pixels (default: bilinear)').choices(['bilinear', 'nearest']))
    .option('--align-corners', 'corner pixels on corner cells, in place of half-pixel centres')
    .addOption(new Option('--map-norm <norm>', 'divide each class\'s fused map by its maximum (default: max)').choices(['max', 'none']))
    .option('--scales <s,...>', 'show the photograph at these multiples of the input size (default: 1)', parseScales)
    .option('--flip', 'show it mirrored, too')
    .addOption(new Option('--scale-norm <norm>', 'divide the map of each scale by its maximum (default: max)').choices(['max', 'none']))
    .addOption(new Option('--scale-fuse <how>', 'scales and mirror images become one map by their mean or maximum (default: mean)').choices(['mean', 'max']))
    .addOption(new Option('--fuse-first <what>', 'fuse the layers of each scale, or the scales of each layer, first (default: layers)').choices(['layers', 'scales']));
}

/** Parses factors separated by commas. */
export function parseScales(text: string): number[] {
  const scales = text.split(',').map(Number);
  if (!scales.every((scale) => Number.isFinite(scale) && scale > 0)) throw new InvalidArgumentError('Expected numbers above 0 separated by commas, for example 0.5,1,1.5,2.');
  return scales;
}

/** Parses names separated by commas. */
export function parseNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim()).filter((name) => name !== '');
  if (names.length === 0) throw new InvalidArgumentError('Expected names separated by commas.');
  return names;
}

/** The settings among the flags of a command, by the names of the schema. */
export function camSettingsOf(flags: CamFlags): CamFlags {
  const { method, target, scoreCamTopK, scoreCamBatch } = flags;
  const { layers, inputSize, maxPixels, layerNorm, scaleLayers, gamma, fuse, upsample, alignCorners, mapNorm } = flags;
  const { scales, flip, scaleNorm, scaleFuse, fuseFirst } = flags;
  return {
    method, target, scoreCamTopK, scoreCamBatch,
    layers, inputSize, maxPixels, layerNorm, scaleLayers, gamma, fuse, upsample, alignCorners, mapNorm,
    scales, flip, scaleNorm, scaleFuse, fuseFirst,
  };
}
