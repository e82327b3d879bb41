import type { FileHandle } from 'node:fs/promises';
import { UserError } from '../errors.js';
import { openRegularFile } from '../jobs/read-file.js';
import { cutShort, WeightsError } from './error.js';

/** The bytes of an open file, read where they are wanted: weights need not fit into memory twice. */
export class FileBytes {
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
   * @throws {WeightsError} where the file ends before
   */
  async read(offset: number, length: number): Promise<Buffer> {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) throw cutShort();
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
