import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../errors.js';
import { makeFolder, writeError } from './atomic.js';
import { removeLeftovers } from './temporary.js';

/**
 * The output folder of a run and the folders in it. They are created once, at the start. If they are removed or replaced
 * later, the run ends with an error instead of creating them again, since its earlier results are gone.
 */
export class OutFolder {
  private constructor(private readonly held: readonly HeldEntry[]) {}

  /**
   * Creates the folders if they are missing, and removes the temporary files of killed runs from them.
   *
   * @param parts folders in it
   * @throws UserError if that is not possible
   */
  static async open(path: string, parts: readonly string[] = []): Promise<OutFolder> {
    const held: HeldEntry[] = [];
    for (const folder of [path, ...parts.map((part) => join(path, part))]) {
      await makeFolder(folder);
      await removeLeftovers(folder);
      held.push(await HeldEntry.open(folder));
    }
    return new OutFolder(held);
  }

  /** @throws UserError if one of the folders was removed or replaced since it was opened */
  async check(): Promise<void> {
    for (const entry of this.held) if (!await entry.isInPlace()) throw vanished(entry.path);
  }

  async close(): Promise<void> {
    for (const entry of this.held) await entry.close();
  }
}

/** A file or folder that is kept open, so that the file system cannot reuse its inode. */
export class HeldEntry {
  private constructor(readonly path: string, private readonly handle: FileHandle | undefined, private readonly number: string) {}

  static async open(path: string): Promise<HeldEntry> {
    // Windows cannot open folders.
    const handle = await open(path, 'r').catch(() => undefined);
    try {
      return new HeldEntry(path, handle, numberOf(await (handle?.stat({ bigint: true }) ?? stat(path, { bigint: true }))));
    } catch (error) {
      await handle?.close();
      throw writeError(path, error);
    }
  }

  /** Whether the path still leads to the opened file or folder. */
  async isInPlace(): Promise<boolean> {
    return isAt(this.path, this.number);
  }

  async close(): Promise<void> {
    await this.handle?.close();
  }
}

/** Whether an open file is still the one at `path`. */
export async function isFileAt(path: string, file: FileHandle): Promise<boolean> {
  return isAt(path, numberOf(await file.stat({ bigint: true })));
}

async function isAt(path: string, number: string): Promise<boolean> {
  try {
    return numberOf(await stat(path, { bigint: true })) === number;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ESTALE'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw writeError(path, error);
  }
}

function numberOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${dev}:${ino}`;
}

/** The error for a run whose folder, or a file in it, is gone. */
export function vanished(path: string): UserError {
  return new UserError(
    `${path} was removed or replaced during the run`, 'run the same command again to make what is missing, and leave the folder alone until it ends',
  );
}
