import { z } from 'zod';
import { DEFAULT_MAX_PIXELS } from '../image/photo.js';
import { parseInputSize } from '../image/input-size.js';
import { UserError } from '../errors.js';

/** The text of an input size; see {@link parseInputSize}. */
export const inputSizeText = z.string().check((context) => {
  try {
    parseInputSize(context.value);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    context.issues.push({ code: 'custom', message: `${error.message}; ${error.hint}`, input: context.value });
  }
});

/** The settings of class activation maps: which layers, at which input size, and how they are fused. */
export const camSettings = {
  layers: z.array(z.string().min(1)).min(1).default(['/8', '/16', '/32']),
  inputSize: inputSizeText.default('short:320'),
  maxPixels: z.number().int().positive().default(DEFAULT_MAX_PIXELS),
  layerNorm: z.enum(['max', 'none']).default('max'),
  scaleLayers: z.enum(['shallow', 'all', 'none']).default('shallow'),
  gamma: z.number().positive().default(2),
  fuse: z.enum(['max', 'mean']).default('max'),
  upsample: z.enum(['bilinear', 'nearest']).default('bilinear'),
  alignCorners: z.boolean().default(false),
  mapNorm: z.enum(['max', 'none']).default('max'),
};

export const camSchema = z.strictObject(camSettings);
export type CamSettings = z.infer<typeof camSchema>;

/** The settings of seeds: everything that a label map depends on, but the model and the photograph. */
export const seedSettings = {
  ...camSettings,
  threshold: z.number().min(0).max(1).default(0.4),
  /** Below it a pixel is background, between it and `threshold` it is ignored. Not given: no pixel is ignored. */
  backgroundThreshold: z.number().min(0).max(1).optional(),
};

/** {@link seedSettings} as a type. */
export type SeedSettings = z.infer<z.ZodObject<typeof seedSettings>>;
