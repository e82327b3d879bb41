import type { FileHandle } from 'node:fs/promises';
import { UserError } from '../../errors.js';
import { openRegularFile } from '../../jobs/files/read-file.js';
import { cutShort, WeightsError } from './error.js';

/**
 * How many times a file's size may be read from it. A network is read once, and twice more to compare it with a copy; a
 * hostile file could lay thousands of tensors over the same bytes.
 */
const MOST_READS = 8;

/** The bytes of an open file, read where they are wanted: weights need not fit into memory twice. */
export class FileBytes {
  private total = 0;

  private constructor(private readonly file: FileHandle, readonly size: number) {}

  /** @throws {WeightsError} where it is no file; or what the file system throws */
  static async open(path: string): Promise<FileBytes> {
    const { file, size } = await openRegularFile(path).catch((error: unknown) => {
      throw error instanceof UserError ? new WeightsError('it is not a file') : error;
    });
    return new FileBytes(file, size);
  }

  /**
   * Reads a range of bytes.
   *
   * @throws {WeightsError} if the file ends before, or far more than all of it has been read
   */
  async read(offset: number, length: number): Promise<Buffer> {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) throw cutShort();
    this.total += length;
    if (this.total > MOST_READS * this.size + 2 ** 24) throw new WeightsError(`its tensors overlap: one by one they take more than ${MOST_READS} times the file`);
    const buffer = Buffer.allocUnsafeSlow(length);
    for (let done = 0; done < length;) {
      const { bytesRead } = await this.file.read(buffer, done, Math.min(length - done, 2 ** 30), offset + done);
      if (bytesRead === 0) throw cutShort();
      done += bytesRead;
    }
    return buffer;
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}
