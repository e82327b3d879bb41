import { runBatch } from '../workers/batch.js';
import type { Journal, JournalEntry } from './journal.js';
import { hasStamp } from '../files/stamp.js';

/** How many items are checked at once: reading small files is mostly waiting. */
const CONCURRENCY = 16;

export interface ResumeOptions<T> {
  readonly items: readonly T[];
  readonly journal: Journal;
  /** The files of a finished item, by their folders. */
  readonly files: (item: T, entry: JournalEntry) => Readonly<Record<string, string>>;
  /** Checks if a file is complete, for entries of earlier versions, which have no stamps. An error means that it is not. */
  readonly isWhole: (item: T, folder: string, path: string) => Promise<boolean>;
}

/** What is left to do in a resumed run. */
export interface OpenItems<T> {
  /** Items to do, in order. */
  readonly open: readonly T[];
  /** Ids of those items that an earlier run finished, but whose files are missing, damaged or changed. */
  readonly remade: readonly string[];
}

/** Finds the items to do: those not marked as done in the journal, and those whose files were changed after they were written. */
export async function openItems<T extends { readonly id: string }>({ items, journal, files, isWhole }: ResumeOptions<T>): Promise<OpenItems<T>> {
  const damaged = new Set<string>();
  const isAsWritten = async (item: T, entry: JournalEntry): Promise<boolean> => {
    for (const [folder, path] of Object.entries(files(item, entry))) {
      const stamp = entry.files?.[folder];
      const whole = entry.files === undefined
        ? await isWhole(item, folder, path).catch(() => false)
        : stamp !== undefined && await hasStamp(path, stamp);
      if (!whole) return false;
    }
    return true;
  };
  await runBatch(items.filter(({ id }) => journal.isDone(id)), {
    concurrency: CONCURRENCY,
    run: async (item) => {
      // The results of two processes may differ in the last digit, and both are right.
      for (const entry of journal.doneEntries(item.id)) if (await isAsWritten(item, entry)) return true;
      return false;
    },
    done: ({ id }, whole) => {
      if (whole) return;
      damaged.add(id);
      journal.forget(id);
    },
  });
  return { open: items.filter(({ id }) => !journal.isDone(id)), remade: items.map(({ id }) => id).filter((id) => damaged.has(id)) };
}
