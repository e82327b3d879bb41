/** How work is put together. */
export interface BatchesOptions<T, R> {
  /** The largest batch. */
  readonly size: number;
  /** Only inputs with the same key can be in one batch. */
  readonly keyOf: (input: T) => string;
  /** Returns one result per input, in their order. */
  readonly run: (inputs: readonly T[]) => Promise<readonly R[]>;
}

interface Waiting<T, R> {
  readonly input: T;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Runs inputs in batches. One batch runs at a time. What arrives meanwhile waits, and the largest group of those with one key is
 * the next batch. No input waits for others to arrive.
 *
 * If a batch fails, its inputs run one by one, so that only those fail that cannot run.
 */
export class Batches<T, R> {
  private readonly waiting = new Map<string, Waiting<T, R>[]>();
  private running = false;

  constructor(private readonly options: BatchesOptions<T, R>) {}

  run(input: T): Promise<R> {
    const key = this.options.keyOf(input);
    return new Promise<R>((resolve, reject) => {
      const group = this.waiting.get(key) ?? [];
      group.push({ input, resolve, reject });
      this.waiting.set(key, group);
      void this.work();
    });
  }

  private async work(): Promise<void> {
    if (this.running) return;
    this.running = true;
    while (this.waiting.size > 0) {
      // A run may block the thread. Inputs that have become ready meanwhile arrive now.
      await new Promise(setImmediate);
      await this.runGroup(this.next());
    }
    this.running = false;
  }

  /** Of groups of the same length, the one that has waited longest. */
  private next(): Waiting<T, R>[] {
    const [key, group] = [...this.waiting].reduce((best, other) => (other[1].length > best[1].length ? other : best));
    const batch = group.splice(0, this.options.size);
    this.waiting.delete(key);
    // The rest goes to the end of the queue.
    if (group.length > 0) this.waiting.set(key, group);
    return batch;
  }

  private async runGroup(group: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const results = await this.options.run(group.map(({ input }) => input));
      group.forEach(({ resolve }, i) => { resolve(results[i]); });
    } catch (error) {
      if (group.length === 1) group[0].reject(error);
      else for (const alone of group) await this.runGroup([alone]);
    }
  }
}
