import type { CommandRegistrar } from '../command.js';

/** All commands, in the order of the help text. Only the one in use is loaded, because loading all takes most of a second. */
export const commands: Readonly<Record<string, () => Promise<CommandRegistrar>>> = {
  generate: async () => (await import('./generate.js')).registerGenerate,
  eval: async () => (await import('./eval.js')).registerEval,
  merge: async () => (await import('./merge.js')).registerMerge,
  ablate: async () => (await import('./ablate.js')).registerAblate,
  faithfulness: async () => (await import('./faithfulness.js')).registerFaithfulness,
  localize: async () => (await import('./localize.js')).registerLocalize,
  report: async () => (await import('./report.js')).registerReport,
  export: async () => (await import('./export.js')).registerExport,
  pipeline: async () => (await import('./pipeline.js')).registerPipeline,
  cam: async () => (await import('./cam.js')).registerCam,
  train: async () => (await import('./train.js')).registerTrain,
  prototypes: async () => (await import('./prototypes.js')).registerPrototypes,
  labels: async () => (await import('./labels.js')).registerLabels,
  model: async () => (await import('./model.js')).registerModel,
  config: async () => (await import('./config.js')).registerConfig,
  doctor: async () => (await import('./doctor.js')).registerDoctor,
};
