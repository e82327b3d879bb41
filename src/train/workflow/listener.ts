import type { Progress } from '../../jobs/progress.js';

/** What training tells whoever has started it. */
export interface TrainListener {
  /** Called with lines for people: what is being done, and what was decided for them. */
  readonly onMessage?: (text: string) => void;
  /**
   * Called when work of a known size begins; what it returns is told how far the work has come, and when it ends.
   *
   * @param unit what is counted, for instance `images`
   * @param done what an earlier run has done
   */
  readonly onWork?: (total: number, unit: string, done?: number) => Progress;
  /** Called with true when fine-tuning begins and with false when it ends: in between, an abort leaves a checkpoint. */
  readonly onFineTuning?: (running: boolean) => void;
}

/** Gives work the callbacks that report its progress, and says when it ends. */
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
