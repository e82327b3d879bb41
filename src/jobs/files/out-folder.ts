import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../errors.js';
import { makeFolder, writeError } from './atomic.js';
import { removeLeftovers } from './temporary.js';

/**
 * The folder of a run's results and the folders in it. They are made once, at the beginning; a run that finds them removed or
 * replaced later ends with an error instead of making them anew, since what it had written is no longer there.
 */
export class OutFolder {
  private constructor(private readonly held: readonly HeldEntry[]) {}

  /**
   * Makes the folders where they are missing, and removes the temporary files of killed runs from them.
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

  /** @throws UserError if one of the folders is not the one that was opened any more */
  async check(): Promise<void> {
    for (const entry of this.held) if (!await entry.isInPlace()) throw vanished(entry.path);
  }

  async close(): Promise<void> {
    for (const entry of this.held) await entry.close();
  }
}

/** A file or folder that is kept open, so that the file system cannot give its number to another one. */
export class HeldEntry {
  private constructor(readonly path: string, private readonly handle: FileHandle | undefined, private readonly number: string) {}

  static async open(path: string): Promise<HeldEntry> {
    // Windows does not open folders.
    const handle = await open(path, 'r').catch(() => undefined);
    try {
      return new HeldEntry(path, handle, numberOf(await (handle?.stat({ bigint: true }) ?? stat(path, { bigint: true }))));
    } catch (error) {
      await handle?.close();
      throw writeError(path, error);
    }
  }

  /** Whether the path still leads to what was opened. */
  async isInPlace(): Promise<boolean> {
    return isAt(this.path, this.number);
  }

  async close(): Promise<void> {
    await this.handle?.close();
  }
}

/** Whether a file that is open is still the one at `path`. */
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

/** The error of a run whose folder, or a file in it, is gone. */
export function vanished(path: string): UserError {
  return new UserError(
    `${path} was removed or replaced while the run was writing into it`, 'leave the folder alone until the run has ended; the same command makes what is missing',
  );
}
