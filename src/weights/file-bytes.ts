import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { cutShort, WeightsError } from './error.js';

/** The bytes of an open file, read where they are wanted: weights need not fit into memory twice. */
export class FileBytes {
  private constructor(private readonly file: FileHandle, readonly size: number) {}

  /** @throws {WeightsError} where it is no file; or what the file system throws */
  static async open(path: string): Promise<FileBytes> {
    const file = await open(path, 'r');
    const stat = await file.stat();
    if (!stat.isFile()) {
      await file.close();
      throw new WeightsError('it is not a file');
    }
    return new FileBytes(file, stat.size);
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
