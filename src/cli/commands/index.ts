import type { CommandRegistrar } from '../command.js';
import type { CommandName } from './summaries.js';

/** A command that is not loaded yet. */
interface CommandEntry {
  /** What its line in the help of the program has after its name. */
  readonly parameters: string;
  readonly load: () => Promise<CommandRegistrar>;
}

/** All commands. Only the one in use is loaded: each needs many modules. */
export const commands: Readonly<Record<CommandName, CommandEntry>> = {
  generate: { parameters: '[options]', load: async () => (await import('./generate.js')).registerGenerate },
  eval: { parameters: '[options]', load: async () => (await import('./eval.js')).registerEval },
  merge: { parameters: '[options] <folder or files...>', load: async () => (await import('./merge.js')).registerMerge },
  ablate: { parameters: '[options]', load: async () => (await import('./ablate.js')).registerAblate },
  faithfulness: { parameters: '[options]', load: async () => (await import('./faithfulness.js')).registerFaithfulness },
  localize: { parameters: '[options]', load: async () => (await import('./localize.js')).registerLocalize },
  report: { parameters: '[options]', load: async () => (await import('./report.js')).registerReport },
  export: { parameters: '[options] [run]', load: async () => (await import('./export.js')).registerExport },
  pipeline: { parameters: '[options]', load: async () => (await import('./pipeline.js')).registerPipeline },
  cam: { parameters: '[options] <photo>', load: async () => (await import('./cam.js')).registerCam },
  train: { parameters: '[options]', load: async () => (await import('./train.js')).registerTrain },
  prototypes: { parameters: '[options]', load: async () => (await import('./prototypes.js')).registerPrototypes },
  labels: { parameters: '[options]', load: async () => (await import('./labels.js')).registerLabels },
  model: { parameters: '', load: async () => (await import('./model.js')).registerModel },
  config: { parameters: '', load: async () => (await import('./config.js')).registerConfig },
  doctor: { parameters: '[options]', load: async () => (await import('./doctor.js')).registerDoctor },
};
