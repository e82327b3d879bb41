import { z } from 'zod';
import { devkitSettings, labelSourceSettings } from '../datasets/settings.js';
import { batchSettings, runtimeSettings, workerSettings } from '../runtime/settings.js';
import { setting } from '../setting.js';
import { studentSettings } from '../student/settings.js';
import { sharedSettings } from './shared.js';

const count = z.number().int().positive();
const { studentScales, studentFlip, studentRefine } = studentSettings;

/** Every setting of `pipeline`. */
export const pipelineSchema = z.strictObject({
  ...devkitSettings,
  ...labelSourceSettings,
  ...sharedSettings,
  seedsOf: setting(z.string().min(1).default('best'), {
    group: 'Seeds', value: 'preset or file', help: 'settings of the seeds that the student is trained on',
  }),
  agree: setting(z.array(z.string().min(1)).min(1).optional(), {
    group: 'Seeds', value: 'preset or file,...', help: 'the student is not trained on pixels where seeds of these settings differ', otherwise: 'none',
  }),
  epochs: setting(count.default(6), { group: 'Student', value: 'n', help: 'passes over the photographs to train the student' }),
  seed: setting(z.number().int().min(0).default(0), { group: 'Student', value: 'n', help: 'seed of the random numbers' }),
  studentScales, studentFlip, studentRefine,
  camWeight: setting(z.number().min(0).default(0.3), {
    group: 'Student', value: 'w', help: 'weight of the first seeds in the mean with the student\'s probabilities; 0: the student alone',
  }),
  keepFeatures: setting(z.boolean().default(false), {
    group: 'Student', help: 'keep the features that the student is trained on in OUT/student.onnx.features, for more students of the same photographs',
  }),
  ...runtimeSettings,
  ...workerSettings,
  ...batchSettings,
});

export type PipelineConfig = z.infer<typeof pipelineSchema>;
