import { loadCliProgress } from './cli-progress.js';

/** Shows the progress of long work. */
export interface Progress {
  /** @param note more text to show */
  advance(done: number, note?: string): void;
  stop(): void;
}

/**
 * A progress bar on standard error with rate and remaining time. Shows nothing if standard error is not a terminal.
 *
 * @param unit what is counted, e.g. `images`
 * @param from how many an earlier run has done
 */
export function progressBar(total: number, unit: string, from = 0): Progress {
  if (!process.stderr.isTTY || total === 0) return { advance: () => undefined, stop: () => undefined };
  const { Presets, SingleBar } = loadCliProgress();
  const bar = new SingleBar({
    format: `{bar} {percentage}% | {value}/{total} ${unit} | {rate}/s | {eta_formatted} left{note}`,
    stream: process.stderr, hideCursor: true, etaBuffer: 100, stopOnComplete: false,
  }, Presets.shades_classic);
  const start = performance.now();
  bar.start(total, from, { rate: '-', note: '' });
  return {
    advance: (done, note = '') => {
      bar.update(done, { rate: ((done - from) / ((performance.now() - start) / 1000)).toFixed(1), note: note === '' ? '' : ` | ${note}` });
    },
    stop: () => { bar.stop(); },
  };
}
