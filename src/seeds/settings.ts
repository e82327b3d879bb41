import { z } from 'zod';
import { UserError } from '../errors.js';
import { axis, setting } from '../setting.js';
import { parseDecimal } from '../text/decimal.js';
import { nearest } from '../text/nearest.js';
import type { ClassSet } from '../datasets/classes/class-set.js';

const group = 'Seeds';
const share = z.number().min(0).max(1);

/** For settings that only have an effect with some background policies. */
const background = (...policies: string[]) => (settings: { background: string }): string | undefined => (
  policies.includes(settings.background) ? undefined : `--background ${policies.join(' or ')}`);

/** How label maps are made of maps. */
export const labelSettings = {
  threshold: setting(share.default(0.4), {
    group, value: 't', help: 'foreground if the largest map exceeds this, 0..1', needs: background('constant', 'per-class'),
  }),
  backgroundThreshold: setting(share.optional(), {
    group, value: 't', help: 'background below this; pixels between the two thresholds become 255 (ignored)', otherwise: 'none',
  }),
  background: axis(z.enum(['constant', 'power', 'percentile', 'otsu', 'per-class']).default('constant'), {
    group, value: 'policy', help: 'how background is found: a constant threshold, (1 - max)^alpha, a share of each image, Otsu\'s threshold, a threshold per class',
    named: (value) => value,
  }),
  alpha: setting(z.number().positive().default(4), { group, value: 'a', help: 'alpha of --background power', needs: background('power') }),
  percentile: setting(z.number().min(0).max(100).default(70), {
    group, value: 'p', help: 'percentage of pixels that are background with --background percentile', needs: background('percentile'),
  }),
  classThresholds: setting(z.record(z.string(), share).default({}), {
    group, value: 'class=t,...', help: 'thresholds of --background per-class; other classes use --threshold', parse: parseThresholds,
    needs: background('per-class'),
  }),
  conflict: axis(z.enum(['argmax', 'ignore', 'smaller-first']).default('argmax'), {
    group, value: 'policy', help: 'pixels that several classes claim get the strongest class, 255 if the maps are nearly equal, or the class of the smaller object',
    named: (value) => value,
  }),
  conflictMargin: axis(share.default(0.05), {
    group, value: 'm', help: 'largest difference that counts as nearly equal with --conflict ignore', named: (value) => `margin ${value}`,
    needs: ({ conflict }: { conflict: string }) => (conflict === 'ignore' ? undefined : '--conflict ignore'),
  }),
  rescue: setting(share.default(0), {
    group, value: 'share', help: 'give a class of the image that gets no pixel this share of the pixels, where its map is strongest',
  }),
};

/**
 * Thresholds by label.
 *
 * @throws UserError if a name is not a class of the set, or a class has two thresholds
 */
export function thresholdsByClass(byName: Readonly<Record<string, number>>, classes: ClassSet): Record<number, number> {
  const thresholds: Record<number, number> = {};
  for (const [name, value] of Object.entries(byName)) {
    const index = classes.indexOf(name);
    if (index === undefined) throw new UserError(`'${name}' is not ${classes.oneOf}`, hintFor(name, classes));
    if (thresholds[index] !== undefined) throw new UserError(`there are two thresholds for ${classes.nameOf(index)}`, 'leave one of them out');
    thresholds[index] = value;
  }
  return thresholds;
}

function hintFor(name: string, { classes }: ClassSet): string {
  const near = nearest(name, classes);
  if (near !== undefined) return `did you mean ${near}?`;
  return 'these thresholds are for other classes: use --background constant with a --threshold, or tune them with ablate --background per-class';
}

/** Parses `cat=0.3,dog=0.4`. */
function parseThresholds(text: string): Record<string, number> {
  const thresholds = new Map<string, number>();
  for (const part of text.split(',')) {
    const [name, value = '', ...rest] = part.split('=').map((side) => side.trim());
    const threshold = rest.length > 0 ? undefined : parseDecimal(value);
    if (name === '' || threshold === undefined) throw new UserError('Expected classes with thresholds, for example cat=0.3,dog=0.4.');
    if (thresholds.has(name)) throw new UserError(`There are two thresholds for ${name}.`);
    thresholds.set(name, threshold);
  }
  return Object.fromEntries(thresholds);
}
