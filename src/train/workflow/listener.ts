import type { Progress } from '../../jobs/progress.js';

/** Callbacks for the progress of training. */
export interface TrainListener {
  /** Called with messages for the user: what is being done, and what was decided automatically. */
  readonly onMessage?: (text: string) => void;
  /**
   * Called when work of a known size begins. The returned object receives the progress and the end of the work.
   *
   * @param unit what is counted, for instance `images`
   * @param done the amount that an earlier run has done
   */
  readonly onWork?: (total: number, unit: string, done?: number) => Progress;
  /** Called with true when fine-tuning begins and with false when it ends. In between, an abort writes a checkpoint. */
  readonly onFineTuning?: (running: boolean) => void;
}

/** Runs work with callbacks that report its progress, and reports its end. */
export async function reportProgress<T>(
  { onWork }: TrainListener, unit: string, work: (callbacks: { onStart: (total: number) => void; onProgress: (done: number) => void }) => Promise<T>,
): Promise<T> {
  let progress: Progress | undefined;
  try {
    return await work({ onStart: (total) => { progress = onWork?.(total, unit); }, onProgress: (done) => progress?.advance(done) });
  } finally {
    progress?.stop();
  }
}
