import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import type { AxisName, Grid, VariantSettings } from '../../settings/ablate.js';
import { AXIS_NAMES, variantSettings } from '../../settings/ablate.js';
import { parseDecimal } from '../../text/decimal.js';
import { parseNames, parseScales } from './cam-options.js';
import { notAChoice } from './choice.js';

/** Per axis the values that were given; each value of each axis makes variants. */
export type GridFlags = { [Name in AxisName]?: VariantSettings[Name][] };

/**
 * Adds the options that span the grid of variants. Each may be given several times; a list holds several values, but for
 * layers, scales and refiners, where it is one value.
 */
export function addGridOptions(command: Command): Command {
  type Values<Name extends AxisName> = VariantSettings[Name][];
  const axis = <Name extends AxisName>(flag: string, description: string, parse: (text: string) => Values<Name>, preset?: string): void => {
    const option = new Option(flag, description).argParser((text: string, before: Values<Name> | undefined) => [...before ?? [], ...parse(text)]);
    command.addOption(preset === undefined ? option : option.preset(preset));
  };
  axis<'layers'>('--layers <layer,...>', 'a set of layers to fuse, /8,/16,/32; once per set', (text) => [parseNames(text)]);
  axis<'method'>('--method <name,...>', 'CAM methods', words('method'));
  axis<'gamma'>('--gamma <g,...>', 'gammas of tanh(gamma x)', (text) => parseScales(text));
  axis<'scaleLayers'>('--scale-layers <which,...>', 'layers scaled by tanh: shallow, all, none', words('scaleLayers'));
  axis<'layerNorm'>('--layer-norm <norm,...>', 'max, none', words('layerNorm'));
  axis<'fuse'>('--fuse <how,...>', 'layers by max, mean', words('fuse'));
  axis<'upsample'>('--upsample <how,...>', 'bilinear, nearest', words('upsample'));
  axis<'alignCorners'>('--align-corners [on|off,...]', 'corner pixels on corner cells', switches, 'on');
  axis<'mapNorm'>('--map-norm <norm,...>', 'max, none', words('mapNorm'));
  axis<'scales'>('--scales <s,...>', 'a set of scales, 0.5,1,1.5,2; once per set', (text) => [parseScales(text)]);
  axis<'flip'>('--flip [on|off,...]', 'mirror images, too', switches, 'on');
  axis<'scaleNorm'>('--scale-norm <norm,...>', 'max, none', words('scaleNorm'));
  axis<'scaleFuse'>('--scale-fuse <how,...>', 'scales by mean, max', words('scaleFuse'));
  axis<'fuseFirst'>('--fuse-first <what,...>', 'layers, scales', words('fuseFirst'));
  axis<'edgeUpsample'>('--edge-upsample <upsampler>', 'edge-aware upsamplers as in generate, or none; once per upsampler', (text) => [text]);
  axis<'refine'>('--refine <chain>', 'refiners as in generate, or none; once per chain', (text) => [text]);
  axis<'refineNorm'>('--refine-norm <norm,...>', 'divide refined maps by their maximum: max, none', words('refineNorm'));
  axis<'background'>('--background <policy,...>', 'constant, power, percentile, otsu, per-class', words('background'));
  axis<'conflict'>('--conflict <policy,...>', 'argmax, ignore, smaller-first', words('conflict'));
  axis<'conflictMargin'>('--conflict-margin <m,...>', 'margins of --conflict ignore', (text) => numbers(text));
  return command;
}

/** The grid among the flags of a command. */
export function gridOf(flags: GridFlags): Grid {
  return Object.fromEntries(AXIS_NAMES.filter((axis) => flags[axis] !== undefined).map((axis) => [axis, flags[axis]]));
}

/** Parses words that an axis allows. */
function words<Name extends AxisName>(axis: Name): (text: string) => VariantSettings[Name][] {
  return (text) => parseNames(text).map((word) => {
    const parsed = variantSettings[axis].safeParse(word);
    if (!parsed.success) throw new InvalidArgumentError(`'${word}' is not known. ${notAChoice(word, wordsOf(axis))}`);
    return parsed.data as VariantSettings[Name];
  });
}

/** The words that an axis allows. */
function wordsOf(axis: AxisName): string[] {
  const schema = variantSettings[axis].unwrap();
  return schema instanceof z.ZodEnum ? schema.options.map(String) : [];
}

/** Parses numbers separated by commas. */
export function numbers(text: string): number[] {
  return text.split(',').map((part) => {
    const value = parseDecimal(part);
    if (value === undefined) throw new InvalidArgumentError('Expected numbers separated by commas.');
    return value;
  });
}

function switches(text: string): boolean[] {
  return text.split(',').map((word) => {
    if (word === 'on' || word === 'off') return word === 'on';
    throw new InvalidArgumentError('Expected on, off or on,off.');
  });
}
