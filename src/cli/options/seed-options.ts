import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { parseDecimal } from '../../text/decimal.js';
import { didYouMean } from '../../text/nearest.js';
import { REFINERS } from '../../maps/refine/refiners.js';
import { UPSAMPLERS } from '../../maps/refine/upsamplers.js';
import { CONFLICT_POLICIES } from '../../seeds/assign.js';
import { BACKGROUND_POLICIES } from '../../seeds/background.js';
import { classIndex, VOC_CLASSES } from '../../voc/classes.js';
import { choice } from './choice.js';
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
    .addOption(choice('--background <policy>', 'what is background: a constant threshold, (1 - max)^alpha, a share of each image, Otsu\'s threshold, a threshold per class', BACKGROUND_POLICIES))
    .option('--threshold <t>', 'foreground where the largest map exceeds this, 0..1', parseNumber)
    .option('--background-threshold <t>', 'background below this; between the two a pixel becomes 255, ignored (default: none)', parseNumber)
    .option('--alpha <a>', 'the alpha of --background power', parseNumber)
    .option('--percentile <p>', 'the percents of --background percentile that are background', parseNumber)
    .option('--class-thresholds <class=t,...>', 'thresholds of --background per-class; other classes have --threshold', parseThresholds)
    .addOption(choice('--conflict <policy>', 'a pixel that several classes claim: the strongest, 255 where they are nearly equal, the smaller object', CONFLICT_POLICIES))
    .option('--conflict-margin <m>', 'how near is nearly equal, of --conflict ignore', parseNumber)
    .option('--refine <refiner,...>', `refine the maps by the photograph's colours: ${Object.keys(REFINERS).join(', ')}, each with options like pamr:iterations=5, or none`)
    .addOption(choice('--refine-norm <norm>', 'divide each refined map by its maximum', ['max', 'none']))
    .option('--edge-upsample <how>', `from cells to pixels along edges: ${Object.keys(UPSAMPLERS).join(', ')}; none: plain --upsample`)
    .option('--rescue <share>', 'give a class of the image that gets no pixel this share of the pixels, where its map is strongest', parseNumber);
}

/** Parses `cat=0.3,dog=0.4`. */
function parseThresholds(text: string): Record<string, number> {
  const thresholds = new Map<string, number>();
  for (const part of text.split(',')) {
    const [name, value = '', ...rest] = part.split('=').map((side) => side.trim());
    const threshold = rest.length > 0 ? undefined : parseDecimal(value);
    if (name === '' || threshold === undefined) throw new InvalidArgumentError('Expected classes and their thresholds, for example cat=0.3,dog=0.4.');
    if (classIndex(name) === undefined) throw new InvalidArgumentError(`There is no VOC class '${name}': ${didYouMean(name, VOC_CLASSES)}`);
    if (thresholds.has(name)) throw new InvalidArgumentError(`There are two thresholds for ${name}.`);
    thresholds.set(name, threshold);
  }
  return Object.fromEntries(thresholds);
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
