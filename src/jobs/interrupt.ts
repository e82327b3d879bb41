/** Watches for Ctrl-C while a batch runs. */
export interface InterruptWatch {
  readonly interrupted: () => boolean;
  dispose(): void;
}

/**
 * The first Ctrl-C (or SIGTERM) asks the batch to finish what it has in hand; a second one ends the process at once.
 *
 * @param notify called at the first one
 */
export function watchInterrupt(notify: () => void): InterruptWatch {
  let interrupted = false;
  const handler = (): void => {
    if (interrupted) process.exit(130);
    interrupted = true;
    notify();
  };
  process.on('SIGINT', handler);
  process.on('SIGTERM', handler);
  return {
    interrupted: () => interrupted,
    dispose: () => {
      process.off('SIGINT', handler);
      process.off('SIGTERM', handler);
    },
  };
}
