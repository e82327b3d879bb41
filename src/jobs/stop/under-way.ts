/** Promises that have not settled yet. */
export class UnderWay {
  private readonly promises = new Set<Promise<void>>();

  get size(): number {
    return this.promises.size;
  }

  /** @returns the promise itself */
  watch<T>(work: Promise<T>): Promise<T> {
    const settled = work.then(() => undefined, () => undefined).finally(() => this.promises.delete(settled));
    this.promises.add(settled);
    return work;
  }

  /** Waits until all have settled, including those added in the meantime. */
  async settled(): Promise<void> {
    while (this.size > 0) await Promise.all(this.promises);
  }
}
