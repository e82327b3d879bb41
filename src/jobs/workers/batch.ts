import { requireWanted } from '../stop/abandon.js';

/** Options of {@link runBatch}. */
export interface BatchOptions<T, R> {
  /** How many items run at once. */
  readonly concurrency: number;
  readonly run: (item: T) => Promise<R>;
  /** Called for every result, one at a time, in order of completion. */
  readonly done: (item: T, result: R) => Promise<void> | void;
  /** Once aborted, no new items are started; running items are finished. */
  readonly signal?: AbortSignal;
}

/**
 * Processes a list with bounded memory: at most `concurrency` items at any time. The first error of `run` or `done` ends the
 * batch, after the running items have settled.
 *
 * @returns how many items were started
 * @throws AbandonedError if the process is about to end
 */
export async function runBatch<T, R>(items: Iterable<T>, { concurrency, run, done, signal }: BatchOptions<T, R>): Promise<number> {
  const iterator = items[Symbol.iterator]();
  let begun = 0;
  let failure: { readonly error: unknown } | undefined;
  let turn: Promise<void> = Promise.resolve();
  const worker = async (): Promise<void> => {
    while (failure === undefined && signal?.aborted !== true) {
      const next = iterator.next();
      if (next.done === true) return;
      begun++;
      try {
        const result = await run(next.value);
        // Abandoned work is neither a result nor a failure of this item.
        requireWanted();
        const own = turn.then(() => done(next.value, result));
        turn = own.catch(() => undefined);
        await own;
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, concurrency) }, worker));
  if (failure !== undefined) throw failure.error;
  return begun;
}
