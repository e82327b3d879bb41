import { join } from 'node:path';
import type { EarlierTask } from './array-task.js';
import { openRegularFile } from '../files/read-file.js';
import { journalsIn } from './journal-text.js';

/** The most bytes to read of a journal, whose first line contains its settings. */
const LONGEST_HEADER = 2 ** 20;

/**
 * The array tasks that worked in an output folder before, from the journals of its shards. A journal without a task, or one
 * that cannot be read, is skipped: errors in it are reported when the journal itself is opened.
 */
export async function earlierTasks(folder: string): Promise<EarlierTask[]> {
  const tasks: EarlierTask[] = [];
  for (const name of await journalsIn(folder).catch(() => [])) {
    const [, index, count] = /^journal-(\d+)of(\d+)$/.exec(name)?.map(Number) ?? [];
    if (index === undefined) continue;
    const { id, step = 1 } = await firstLine(join(folder, name)).then(taskOf, () => undefined) ?? {};
    if (typeof id === 'number' && typeof step === 'number') tasks.push({ task: id, step, index, count });
  }
  return tasks;
}

/** The task in a journal's header. */
function taskOf(header: string): { readonly id?: unknown; readonly step?: unknown } | undefined {
  try {
    return (JSON.parse(header) as { task?: { id?: unknown; step?: unknown } }).task;
  } catch {
    return undefined;
  }
}

async function firstLine(path: string): Promise<string> {
  const { file } = await openRegularFile(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST_HEADER), 0, LONGEST_HEADER, 0);
    return buffer.toString('utf8', 0, bytesRead).split('\n', 1)[0];
  } finally {
    await file.close();
  }
}
