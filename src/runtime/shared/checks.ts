/** The outcome of a check that has been made. */
interface Outcome { readonly error?: Error | undefined }

interface Check {
  /** Who makes it. */
  maker: object;
  outcome?: Outcome;
  waiting: { readonly asker: object; readonly resolve: (mine: boolean) => void; readonly reject: (error: Error) => void }[];
}

/** Checks that many need, but only one makes. */
export class Checks {
  private readonly known = new Map<string, Check>();

  /**
   * @returns whether the asker is to make the check and to {@link settle} it; if not, it has been made by another
   * @throws the error of the check that another has made
   */
  async claim(key: string, asker: object): Promise<boolean> {
    const check = this.known.get(key);
    if (check === undefined) {
      this.known.set(key, { maker: asker, waiting: [] });
      return true;
    }
    if (check.outcome === undefined) return new Promise((resolve, reject) => { check.waiting.push({ asker, resolve, reject }); });
    if (check.outcome.error !== undefined) throw check.outcome.error;
    return false;
  }

  /** @param error that the check threw, if it failed */
  settle(key: string, error: Error | undefined): void {
    const check = this.known.get(key)!;
    check.outcome = { error };
    for (const { resolve, reject } of check.waiting) {
      if (error === undefined) resolve(false);
      else reject(error);
    }
    check.waiting = [];
  }

  /** Forgets someone who has ended. The next one who waits makes the check instead. */
  leave(gone: object): void {
    for (const [key, check] of this.known) {
      check.waiting = check.waiting.filter(({ asker }) => asker !== gone);
      if (check.maker !== gone || check.outcome !== undefined) continue;
      const next = check.waiting.shift();
      if (next === undefined) {
        this.known.delete(key);
      } else {
        check.maker = next.asker;
        next.resolve(true);
      }
    }
  }
}
