import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { parseNumber } from './model-options.js';

/** The flags of {@link addSeedOptions}; defaults are in the schema of the settings. */
export interface SeedFlags {
  threshold?: number;
  backgroundThreshold?: number;
  background?: string;
  alpha?: number;
  percentile?: number;
  classThresholds?: Record<string, number>;
  conflict?: string;
  conflictMargin?: number;
  refine?: string;
  refineNorm?: string;
  edgeUpsample?: string;
  rescue?: number;
}

/** Adds the options that lead from maps to seeds. */
export function addSeedOptions(command: Command): Command {
  return command
    .addOption(new Option('--background <policy>', 'what is background: a constant threshold, (1 - max)^alpha, a share of each image, Otsu\'s threshold, a threshold per class (default: constant)')
      .choices(['constant', 'power', 'percentile', 'otsu', 'per-class']))
    .option('--threshold <t>', 'foreground where the largest map exceeds this, 0..1 (default: 0.4)', parseNumber)
    .option('--background-threshold <t>', 'background below this; between the two a pixel becomes 255, ignored (default: none)', parseNumber)
    .option('--alpha <a>', 'the alpha of --background power (default: 4)', parseNumber)
    .option('--percentile <p>', 'the percents of --background percentile that are background (default: 70)', parseNumber)
    .option('--class-thresholds <class=t,...>', 'thresholds of --background per-class; other classes have --threshold', parseThresholds)
    .addOption(new Option('--conflict <policy>', 'a pixel that several classes claim: the strongest, 255 where they are nearly equal, the smaller object (default: argmax)')
      .choices(['argmax', 'ignore', 'smaller-first']))
    .option('--conflict-margin <m>', 'how near is nearly equal, of --conflict ignore (default: 0.05)', parseNumber)
    .option('--refine <refiner,...>', 'refine the maps by the photograph\'s colours: pamr, par, guided, random-walk, slic, each with options like pamr:iterations=5 (default: none)')
    .addOption(new Option('--refine-norm <norm>', 'divide each refined map by its maximum (default: max)').choices(['max', 'none']))
    .option('--edge-upsample <how>', 'from cells to pixels along edges: guided or joint-bilateral (default: none, plain --upsample)')
    .option('--rescue <share>', 'give a class of the image that gets no pixel this share of the pixels, where its map is strongest (default: 0)', parseNumber);
}

/** Parses `cat=0.3,dog=0.4`. */
function parseThresholds(text: string): Record<string, number> {
  return Object.fromEntries(text.split(',').map((part) => {
    const [name, value] = part.split('=').map((side) => side.trim());
    if (value === undefined || name === '' || value === '' || !Number.isFinite(Number(value))) {
      throw new InvalidArgumentError('Expected classes and their thresholds, for example cat=0.3,dog=0.4.');
    }
    return [name, Number(value)];
  }));
}

/** The settings among the flags of a command, by the names of the schema. */
export function seedSettingsOf(flags: SeedFlags): SeedFlags {
  const { threshold, backgroundThreshold, background, alpha, percentile, classThresholds, conflict, conflictMargin } = flags;
  const { refine, refineNorm, edgeUpsample, rescue } = flags;
  return {
    threshold, backgroundThreshold, background, alpha, percentile, classThresholds, conflict, conflictMargin,
    refine, refineNorm, edgeUpsample, rescue,
  };
}
