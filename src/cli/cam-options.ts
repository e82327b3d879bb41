import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { parseCount } from './devkit-options.js';
import { parseNumber } from './model-options.js';

/** The flags of {@link addCamOptions}; defaults are in the schema of the settings. */
export interface CamFlags {
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
}

/** Adds the options of class activation maps. */
export function addCamOptions(command: Command): Command {
  return command
    .option('--layers <layer,...>', 'feature layers to fuse: strides like /16, or tensor names (default: /8,/16,/32)', parseNames)
    .option('--input-size <size>', 'size at the network: native, short:N, long:N or fixed:HxW (default: short:320)')
    .option('--max-pixels <n>', 'hold larger inputs down to this many pixels (default: 4194304)', parseCount)
    .addOption(new Option('--layer-norm <norm>', 'divide each layer\'s map by its maximum (default: max)').choices(['max', 'none']))
    .addOption(new Option('--scale-layers <which>', 'layers scaled by tanh(gamma x): all but the deepest, all, none (default: shallow)')
      .choices(['shallow', 'all', 'none']))
    .option('--gamma <g>', 'the gamma of tanh(gamma x) (default: 2)', parseNumber)
    .addOption(new Option('--fuse <how>', 'layers become one map by their maximum or mean (default: max)').choices(['max', 'mean']))
    .addOption(new Option('--upsample <how>', 'from cells to pixels (default: bilinear)').choices(['bilinear', 'nearest']))
    .option('--align-corners', 'corner pixels on corner cells, in place of half-pixel centres')
    .addOption(new Option('--map-norm <norm>', 'divide each class\'s fused map by its maximum (default: max)').choices(['max', 'none']));
}

/** Parses names separated by commas. */
export function parseNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim()).filter((name) => name !== '');
  if (names.length === 0) throw new InvalidArgumentError('Expected names separated by commas.');
  return names;
}

/** The settings among the flags of a command, by the names of the schema. */
export function camSettingsOf(flags: CamFlags): CamFlags {
  const { layers, inputSize, maxPixels, layerNorm, scaleLayers, gamma, fuse, upsample, alignCorners, mapNorm } = flags;
  return { layers, inputSize, maxPixels, layerNorm, scaleLayers, gamma, fuse, upsample, alignCorners, mapNorm };
}
