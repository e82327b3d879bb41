import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { parseSettings } from '../formats/yaml/settings-file.js';
import { presetPath } from '../package.js';

const descriptions = {
  fast: 'the best settings with one scale and layers that every network has',
  best: 'the best settings for the bundled classifier: prototypes, mirror images, a threshold per class',
  paper: 'LayerCAM as in its paper; also the defaults of a settings file',
  irn: 'the seeds of IRN: CAM of the deepest layer at four scales, two thresholds',
} as const;

/** The name of a bundled configuration. */
export type Preset = keyof typeof descriptions;
export const PRESETS = Object.keys(descriptions) as readonly Preset[];

/** The preset of `generate`, `cam` and `ablate` if no configuration is given. */
export const DEFAULT_PRESET: Preset = 'fast';

/** New names of presets by their old ones. */
export const RENAMED_PRESETS: ReadonlyMap<string, Preset> = new Map([['layercam', 'paper']]);

/** A one-line description of a preset. */
export function presetText(preset: Preset): string {
  return descriptions[preset];
}

/** The settings of a preset for a command, with the schema's defaults for the others. */
export function presetSettings<S extends z.ZodObject>(schema: S, preset: Preset): z.infer<S> {
  const path = presetPath(preset);
  return schema.parse(settingsIn(schema, parseSettings(readFileSync(path, 'utf8'), path).value as object));
}

/** The settings of a preset that a command has. (`ablate` tunes thresholds and has no setting for them.) */
export function settingsIn(schema: z.ZodObject, settings: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => Object.hasOwn(schema.shape, name)));
}
