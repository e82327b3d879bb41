import { progressBar } from '../../jobs/progress.js';
import type { Progress } from '../../jobs/progress.js';

/** Callbacks that show a batch of images on standard error. `stop` removes the progress bar. */
export interface BatchProgress {
  readonly onRuntime: (description: string) => void;
  readonly onStart: (total: number, resumed: number, remade: number) => void;
  readonly onProgress: (done: number) => void;
  readonly stop: () => void;
}

/** @param results what a run makes of each image, e.g. `seeds` */
export function batchProgress(say: (text: string) => void, results: string): BatchProgress {
  let bar: Progress | undefined;
  return {
    onRuntime: (description) => { say(`runtime: ${description}`); },
    onStart: (total, resumed, remade) => {
      if (resumed > 0) say(`${resumed} images were done before with the same settings`);
      if (remade > 0) say(`${remade} ${results} of an earlier run were missing or damaged and are made again`);
      bar = progressBar(total, 'images');
    },
    onProgress: (done) => bar?.advance(done),
    stop: () => bar?.stop(),
  };
}
