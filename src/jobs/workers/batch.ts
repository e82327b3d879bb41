import { requireWanted } from '../stop/abandon.js';

/** Runs many items, a few at a time. */
export interface BatchOptions<T, R> {
  /** How many items are under way at once. */
  readonly concurrency: number;
  readonly run: (item: T) => Promise<R>;
  /** Called for every result, one at a time, in the order in which they come. */
  readonly done: (item: T, result: R) => Promise<void> | void;
  /** Once aborted, nothing new is begun; what is under way is finished. */
  readonly signal?: AbortSignal;
}

/**
 * Works through a list with bounded memory: no more than `concurrency` items exist at any time. The first error of
 * `run` or `done` ends the batch, after what is under way has come to rest.
 *
 * @returns how many items were begun
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
        // What was given up is no result, least of all a failure of this item.
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
