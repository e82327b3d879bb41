import { CAM_METHODS, CAM_TARGETS, DEFAULT_CHANNEL_BATCH, DEFAULT_LAYERS } from '../cam/names.js';
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
    context.issues.push({ code: 'custom', message: error.hint === undefined ? error.message : `${error.hint}`, input: context.value });
  }
});

/** The settings of class activation maps: method and target, which layers, at which input size, and how they are fused. */
export const camSettings = {
  method: z.enum(CAM_METHODS).default('layer-cam'),
  target: z.enum(CAM_TARGETS).default('logit'),
  /** Score-CAM takes the channels with the largest mean activations only. Not given: all of them. */
  scoreCamTopK: z.number().int().positive().optional(),
  /** How many channels Score-CAM and Ablation-CAM send through the network at once. */
  scoreCamBatch: z.number().int().positive().default(DEFAULT_CHANNEL_BATCH),
  layers: z.array(z.string().min(1)).min(1).default([...DEFAULT_LAYERS]),
  inputSize: inputSizeText.default('short:320'),
  maxPixels: z.number().int().positive().default(DEFAULT_MAX_PIXELS),
  layerNorm: z.enum(['max', 'none']).default('max'),
  scaleLayers: z.enum(['shallow', 'all', 'none']).default('shallow'),
  gamma: z.number().positive().default(2),
  fuse: z.enum(['max', 'mean']).default('max'),
  upsample: z.enum(['bilinear', 'nearest']).default('bilinear'),
  alignCorners: z.boolean().default(false),
  mapNorm: z.enum(['max', 'none']).default('max'),
  /** The network's input size is multiplied by each of these. */
  scales: z.array(z.number().positive()).min(1).default([1]),
  flip: z.boolean().default(false),
  scaleNorm: z.enum(['max', 'none']).default('max'),
  scaleFuse: z.enum(['mean', 'max']).default('mean'),
  fuseFirst: z.enum(['layers', 'scales']).default('layers'),
};

/** The settings of seeds: everything that a label map depends on, but the model and the photograph. */
export const seedSettings = {
  ...camSettings,
  threshold: z.number().min(0).max(1).default(0.4),
  /** Below it a pixel is background, between it and `threshold` it is ignored. Not given: no pixel is ignored. */
  backgroundThreshold: z.number().min(0).max(1).optional(),
  background: z.enum(['constant', 'power', 'percentile', 'otsu', 'per-class']).default('constant'),
  alpha: z.number().positive().default(4),
  percentile: z.number().min(0).max(100).default(70),
  /** Thresholds of single classes, by name; the others have `threshold`. */
  classThresholds: z.record(z.string(), z.number().min(0).max(1)).default({}),
  conflict: z.enum(['argmax', 'ignore', 'smaller-first']).default('argmax'),
  conflictMargin: z.number().min(0).max(1).default(0.05),
  /** Refiners that follow each other, as text: `pamr`, `guided:radius=16,pamr`. */
  refine: z.string().default('none'),
  refineNorm: z.enum(['max', 'none']).default('max'),
  /** Edge-aware upsampling from the finest layer's grid, as text: `guided`, `joint-bilateral:sigmaRange=0.1`. */
  edgeUpsample: z.string().default('none'),
  /** The share of an image's pixels that a class gets which would get none. */
  rescue: z.number().min(0).max(1).default(0),
};

/** {@link seedSettings} as a type. */
export type SeedSettings = z.infer<z.ZodObject<typeof seedSettings>>;
