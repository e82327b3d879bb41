import { availableParallelism } from 'node:os';
import type { RgbMasks } from '../../datasets/masks.js';
import { UserError } from '../../errors.js';
import { runBatch } from '../../jobs/workers/batch.js';
import { WorkerPool } from '../../jobs/workers/pool.js';
import { shareBytes } from '../../jobs/workers/shared-bytes.js';
import { workerUrl } from '../../jobs/workers/worker-url.js';
import { ConfusionMatrix } from '../../metrics/confusion.js';
import { meanIou } from '../../metrics/mean-iou.js';
import { serializeModel } from '../../onnx/file/write.js';
import type { OnnxModel } from '../../onnx/model.js';
import { openRuntime } from '../../runtime/open.js';
import { runtimeForPool } from '../../runtime/shared/worker-runtime.js';
import { reasonLines } from '../reasons.js';
import type { StudentPassOptions } from './student-pass.js';
import type { ValidationResult, ValidationTask, ValidationWorkerData } from './validation-worker.js';

export interface StudentValidationOptions extends StudentPassOptions {
  readonly rgbMasks?: RgbMasks;
}

/** The scores of a student on a list. */
export interface StudentScores {
  readonly images: number;
  /** 0..1 */
  readonly meanIou: number;
  /** By label, background first; NaN for a label that is neither true nor predicted. */
  readonly perLabel: readonly number[];
  readonly failures: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * The IoU of a student on photographs with ground truth, from one view of each. Only the labels of a photograph's classes are predicted.
 *
 * @throws UserError if no photograph can be used
 */
export async function validateStudent(
  model: OnnxModel, photos: readonly ValidationTask[], options: StudentValidationOptions,
): Promise<StudentScores> {
  const { input, view, normalisation, classes, rgbMasks } = options;
  const { choice: runtime, companion } = runtimeForPool(await openRuntime(options.runtime));
  const { workers = availableParallelism() } = options;
  const pool = new WorkerPool<ValidationTask, ValidationResult>({
    worker: workerUrl('./validation-worker.js', import.meta.url), threads: workers, tasksPerWorker: 2, companion,
    data: {
      graph: shareBytes(serializeModel(model)), input, view, normalisation, classes: classes.data, rgbMasks, runtime,
    } satisfies ValidationWorkerData,
  });
  const matrix = new ConfusionMatrix(classes.labelCount);
  const reasons = new Map<string, string>();
  try {
    let ended = 0;
    options.onStart?.(photos.length);
    await runBatch(photos, {
      concurrency: 2 * workers + 1,
      run: (photo) => pool.run(photo),
      done: ({ path }, result) => {
        if ('reason' in result) reasons.set(path, result.reason);
        else matrix.merge(new ConfusionMatrix(result.counts));
        options.onProgress?.(++ended);
      },
    });
  } finally {
    await pool.destroy();
  }
  const failures = photos.flatMap(({ path }) => (reasons.has(path) ? [{ path, reason: reasons.get(path)! }] : []));
  if (failures.length === photos.length) {
    throw new UserError([`none of the ${photos.length} photographs of the validation list can be scored:`, ...reasonLines(failures)].join('\n'));
  }
  const perLabel = new Float64Array(classes.labelCount);
  const mean = meanIou(matrix.counts, 'error', perLabel);
  return { images: photos.length - failures.length, meanIou: mean, perLabel: [...perLabel], failures };
}
