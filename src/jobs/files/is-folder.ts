import { stat } from 'node:fs/promises';

/** Whether there is a folder of that name, or a link to one. What cannot be looked at is none. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then((entry) => entry.isDirectory(), () => false);
}
