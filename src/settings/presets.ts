import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { parseSettings } from '../formats/yaml/settings-file.js';
import { presetPath } from '../package.js';

const descriptions = {
  fast: 'the best that runs one scale, with layers that every network has',
  best: 'the best found with the bundled classifier: five scales, mirror images, a threshold per class; about six times as slow as fast',
  paper: 'LayerCAM as its paper describes it; also what a configuration file starts from',
  irn: 'the seeds of IRN: CAM of the deepest layer at four scales, two thresholds',
} as const;

/** Settings that come with this package, by name. */
export type Preset = keyof typeof descriptions;
export const PRESETS = Object.keys(descriptions) as readonly Preset[];

/** What `generate`, `cam` and `ablate` start from if no configuration is named. */
export const DEFAULT_PRESET: Preset = 'fast';

/** Presets that have another name now. */
export const RENAMED_PRESETS: ReadonlyMap<string, Preset> = new Map([['layercam', 'paper']]);

/** What a preset is, in one line. */
export function presetText(preset: Preset): string {
  return descriptions[preset];
}

/** The settings of a preset that a command has, with the schema's defaults for what the preset does not say. */
export function presetSettings<S extends z.ZodObject>(schema: S, preset: Preset): z.infer<S> {
  const path = presetPath(preset);
  return schema.parse(settingsIn(schema, parseSettings(readFileSync(path, 'utf8'), path).value as object));
}

/** Those settings of a preset that a command has: `ablate` tunes thresholds and has no setting for them. */
export function settingsIn(schema: z.ZodObject, settings: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => Object.hasOwn(schema.shape, name)));
}
