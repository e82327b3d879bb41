import { stat } from 'node:fs/promises';

/** Whether a path is a folder or a link to one. `false` if it cannot be accessed. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then((entry) => entry.isDirectory(), () => false);
}
