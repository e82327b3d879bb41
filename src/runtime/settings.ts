import { z } from 'zod';
import { setting } from '../setting.js';
import { RUNTIME_NAMES } from './names.js';
import { ORT_DEVICES } from './ort/ort.js';
import { TFJS_DEVICES } from './tfjs/backend.js';

/** The largest number of workers or threads: more than any machine has processors. */
export const MAX_WORKERS = 1024;

export const workerCount = z.number().int().min(1).max(MAX_WORKERS).optional();

const group = 'Running';

/** The largest batch of images. */
const MAX_BATCH = 256;

/** Settings of the runtime. */
export const runtimeSettings = {
  runtime: setting(z.enum(RUNTIME_NAMES).default('auto'), {
    group, value: 'name', help: 'ort (ONNX Runtime), tfjs (TensorFlow.js), or auto: tfjs if it has a GPU, otherwise ort',
  }),
  device: setting(z.enum([...new Set([...ORT_DEVICES, ...TFJS_DEVICES])]).optional(), {
    group, value: 'name',
    help: `for ort: ${ORT_DEVICES.join(', ')}; for tfjs: ${TFJS_DEVICES.join(', ')}; voc-seeds doctor shows which of them work`,
  }),
};

/** Settings of worker threads. */
export const workerSettings = {
  workers: setting(workerCount, {
    group, value: 'n', help: 'worker threads, each working on its own images', otherwise: 'one per processor, fewer if memory is short',
  }),
  threads: setting(workerCount.clone(), {
    group, value: 'n', help: 'threads in each worker', otherwise: '1, more if there are fewer workers than processors',
  }),
};

/** Settings of networks that process several photographs at once. */
export const batchSettings = {
  batch: setting(z.number().int().min(1).max(MAX_BATCH).optional(), {
    group, value: 'n', help: 'images of one size that go to the network at once', otherwise: '1; 8 with an accelerator',
  }),
};
