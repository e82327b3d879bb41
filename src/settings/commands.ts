import type { SettingTable } from '../setting.js';
import { runtimeSettings } from '../runtime/settings.js';
import { ablateSchema } from './ablate.js';
import { camSettings } from './cam.js';
import { camProgramSettings } from './cam-program.js';
import { faithfulnessSchema } from './faithfulness.js';
import { generateSchema } from './generate.js';
import { devkitSettings } from '../datasets/settings.js';
import { localizeSchema } from './localize.js';
import { pipelineSchema } from './pipeline.js';
import { prototypesSchema } from './prototypes.js';
import { sharedSettings } from './shared.js';
import { trainSchema } from './train.js';

/** The schemas of settings files, by command; `cam` reads those of `generate`. */
export const fileSchemas = {
  generate: generateSchema, ablate: ablateSchema, faithfulness: faithfulnessSchema, localize: localizeSchema, train: trainSchema,
};

/** A kind of settings file. */
export type FileKind = keyof typeof fileSchemas;

/** The settings that have flags, by command. */
export const commandSettings = {
  'generate': generateSchema.shape,
  'cam': { model: sharedSettings.model, prototypes: sharedSettings.prototypes, classSet: devkitSettings.classSet, ...camSettings, ...runtimeSettings },
  'ablate': ablateSchema.shape,
  'faithfulness': faithfulnessSchema.shape,
  'localize': localizeSchema.shape,
  'train': trainSchema.shape,
  'pipeline': pipelineSchema.shape,
  'prototypes': prototypesSchema.shape,
  'model cam-program': camProgramSettings,
} satisfies Record<string, SettingTable>;
