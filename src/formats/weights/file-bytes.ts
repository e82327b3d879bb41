import type { FileHandle } from 'node:fs/promises';
import { UserError } from '../../errors.js';
import { openRegularFile } from '../../jobs/files/read-file.js';
import { cutShort, WeightsError } from './error.js';

/**
 * The most bytes that may be read from a file, as a multiple of its size. A network is read once, and twice more to compare it
 * with a copy. A hostile file could have thousands of tensors in the same bytes.
 */
const MOST_READS = 8;

/** An open file whose bytes are read on request, so that weights need not fit into memory twice. */
export class FileBytes {
  private total = 0;

  private constructor(private readonly file: FileHandle, readonly size: number) {}

  /** @throws {WeightsError} if it is not a file; else what the file system throws */
  static async open(path: string): Promise<FileBytes> {
    const { file, size } = await openRegularFile(path).catch((error: unknown) => {
      throw error instanceof UserError ? new WeightsError('it is not a file') : error;
    });
    return new FileBytes(file, size);
  }

  /**
   * Reads a range of bytes.
   *
   * @throws {WeightsError} if the file ends before, or if far more bytes than the file has were read in total
   */
  async read(offset: number, length: number): Promise<Buffer> {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) throw cutShort();
    this.total += length;
    if (this.total > MOST_READS * this.size + 2 ** 24) throw new WeightsError(`its tensors overlap: together they take more than ${MOST_READS} times the size of the file`);
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
