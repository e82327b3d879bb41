import { availableParallelism } from 'node:os';
import { messageOf, UserError } from '../../errors.js';
import { runBatch } from '../../jobs/workers/batch.js';
import { WorkerPool } from '../../jobs/workers/pool.js';
import { workerUrl } from '../../jobs/workers/worker-url.js';
import type { PanelResult, PanelTask } from './panel.js';
import { makePanel } from './panel.js';

/** Up to this number of images, starting threads takes longer than it saves. */
const FEW = 16;

export interface PanelsOptions {
  /** Worker threads. Default: one per processor, or none for a few images. */
  readonly workers?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number) => void;
}

/**
 * Prepares the images of a gallery with {@link makePanel}, a limited number at a time.
 *
 * @returns the results in the order of the tasks; fewer if it was aborted
 * @throws UserError if the results cannot be written
 */
export async function makePanels(tasks: readonly PanelTask[], { workers, signal, onProgress }: PanelsOptions = {}): Promise<PanelResult[]> {
  const threads = Math.min(workers ?? (tasks.length <= FEW ? 1 : availableParallelism()), tasks.length);
  const pool = threads > 1
    ? new WorkerPool<PanelTask, PanelResult>({ worker: workerUrl('./panel-worker.js', import.meta.url), threads })
    : undefined;
  const results = new Map<PanelTask, PanelResult>();
  try {
    await runBatch(tasks, {
      concurrency: 2 * threads,
      signal,
      // Errors from a thread arrive as plain errors. They only occur if the results cannot be written, which ends the batch.
      run: (task) => (pool === undefined
        ? makePanel(task)
        : pool.run(task).catch((cause: unknown) => {
            throw new UserError(messageOf(cause), undefined, { cause });
          })),
      done: (task, result) => {
        results.set(task, result);
        onProgress?.(results.size);
      },
    });
  } finally {
    await pool?.destroy();
  }
  return tasks.flatMap((task) => results.get(task) ?? []);
}
