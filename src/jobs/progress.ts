import { Presets, SingleBar } from 'cli-progress';

/** Shows how far a long piece of work has come. */
export interface Progress {
  advance(done: number): void;
  stop(): void;
}

/**
 * A progress bar with rate and time left on standard error; nothing where that is no terminal.
 *
 * @param unit what is counted, e.g. `images`
 */
export function progressBar(total: number, unit: string): Progress {
  if (!process.stderr.isTTY || total === 0) return { advance: () => undefined, stop: () => undefined };
  const bar = new SingleBar({
    format: `{bar} {percentage}% | {value}/{total} ${unit} | {rate}/s | {eta_formatted} left`,
    stream: process.stderr, hideCursor: true, etaBuffer: 100, stopOnComplete: false,
  }, Presets.shades_classic);
  const start = performance.now();
  bar.start(total, 0, { rate: '-' });
  return {
    advance: (done) => { bar.update(done, { rate: (done / ((performance.now() - start) / 1000)).toFixed(1) }); },
    stop: () => { bar.stop(); },
  };
}
