import { runBatch } from '../workers/batch.js';
import type { Journal, JournalEntry } from './journal.js';
import { hasStamp } from '../files/stamp.js';

/** How many items are looked at at once: reading small files is mostly waiting. */
const CONCURRENCY = 16;

export interface ResumeOptions<T> {
  readonly items: readonly T[];
  readonly journal: Journal;
  /** The files that an item has when it is done, by the folder that each is in. */
  readonly files: (item: T, entry: JournalEntry) => Readonly<Record<string, string>>;
  /** Whether a file is whole, judged by itself: earlier versions wrote down no stamps. False or an error: it is not. */
  readonly isWhole: (item: T, folder: string, path: string) => Promise<boolean>;
}

/** What there is to do for a run that goes on. */
export interface OpenItems<T> {
  /** Items to do, in their order. */
  readonly open: readonly T[];
  /** Ids of those among them that an earlier run had done, but whose files are missing, damaged or others. */
  readonly remade: readonly string[];
}

/** Finds what is left to do: what the journal does not know as done, and what it does but whose files are not as they were written. */
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
      // What two processes have done may differ in the last digit, and be right either way.
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
