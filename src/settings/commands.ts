import type { SettingTable } from '../setting.js';
import { runtimeSettings } from '../runtime/settings.js';
import { ablateSchema } from './ablate.js';
import { camSettings } from './cam.js';
import { generateSchema } from './generate.js';
import { sharedSettings } from './shared.js';
import { trainSchema } from './train.js';

/** The schemas of configuration files, by the command that reads them; `cam` reads those of `generate`. */
export const fileSchemas = { generate: generateSchema, ablate: ablateSchema, train: trainSchema };

/** A kind of configuration file. */
export type FileKind = keyof typeof fileSchemas;

/** The settings of every command that has flags for them. */
export const commandSettings = {
  generate: generateSchema.shape,
  cam: { model: sharedSettings.model, ...camSettings, ...runtimeSettings },
  ablate: ablateSchema.shape,
  train: trainSchema.shape,
} satisfies Record<string, SettingTable>;
