import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { CAM_METHODS, CAM_TARGETS } from '../../cam/names.js';
import { parseDecimal } from '../../text/decimal.js';
import { DEFAULT_PRESET, PRESETS } from '../../settings/load.js';
import { choice } from './choice.js';
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

/** What `--config` of generate and cam takes. */
export const configHelp = `settings: the preset ${PRESETS.join(', ')}, or a YAML file with the names of the flags in camelCase; flags override them. The defaults below are those of the preset ${DEFAULT_PRESET}; what a file does not set is as in the preset layercam`;

/** Adds the options of class activation maps. */
export function addCamOptions(command: Command): Command {
  return command
    .addOption(choice('--method <name>', 'how activations become a map, at layers without a method of their own', CAM_METHODS))
    .addOption(choice('--target <what>', 'what of a class is explained; margin: its logit minus the strongest other one', CAM_TARGETS))
    .option('--score-cam-top-k <n>', 'Score-CAM: only the n channels with the largest mean activations (default: all)', parseCount)
    .option('--score-cam-batch <n>', 'Score-CAM, Ablation-CAM: channels that go through the network at once', parseCount)
    .option('--layers <layer,...>', 'feature layers to fuse: strides like /16, or tensor names, each with a method of its own if you like: /32@grad-cam; a comma in a name is written \\,', parseNames)
    .option('--input-size <size>', 'size at the network: native, short:N, long:N or fixed:HxW')
    .option('--max-pixels <n>', 'hold larger inputs down to this many pixels', parseCount)
    .addOption(choice('--layer-norm <norm>', 'divide each layer\'s map by its maximum', ['max', 'none']))
    .addOption(choice('--scale-layers <which>', 'layers scaled by tanh(gamma x); shallow: all but the deepest', ['shallow', 'all', 'none']))
    .option('--gamma <g>', 'the gamma of tanh(gamma x)', parseNumber)
    .addOption(choice('--fuse <how>', 'layers become one map by their maximum or mean', ['max', 'mean']))
    .addOption(choice('--upsample <how>', 'from cells to pixels', ['bilinear', 'nearest']))
    .option('--align-corners', 'corner pixels on corner cells, in place of half-pixel centres')
    .option('--no-align-corners', 'half-pixel centres, if the configuration says otherwise')
    .addOption(choice('--map-norm <norm>', 'divide each class\'s fused map by its maximum', ['max', 'none']))
    .option('--scales <s,...>', 'show the photograph at these multiples of the input size', parseScales)
    .option('--flip', 'show it mirrored, too')
    .option('--no-flip', 'no mirror images, if the configuration has them')
    .addOption(choice('--scale-norm <norm>', 'divide the map of each scale by its maximum', ['max', 'none']))
    .addOption(choice('--scale-fuse <how>', 'scales and mirror images become one map by their mean or maximum', ['mean', 'max']))
    .addOption(choice('--fuse-first <what>', 'fuse the layers of each scale, or the scales of each layer, first', ['layers', 'scales']));
}

/** Parses factors separated by commas. */
export function parseScales(text: string): number[] {
  const scales = text.split(',').map((part) => parseDecimal(part) ?? 0);
  if (!scales.every((scale) => scale > 0)) throw new InvalidArgumentError('Expected numbers above 0 separated by commas, for example 0.5,1,1.5,2.');
  return scales;
}

/** Parses names separated by commas; a comma of a name itself is written `\,`. */
export function parseNames(text: string): string[] {
  const names = text.split(/(?<!\\),/).map((name) => name.trim().replaceAll('\\,', ',')).filter((name) => name !== '');
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
