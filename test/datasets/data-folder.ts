import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { packPng } from '../../src/formats/png/png.js';

/** A temporary folder with a data set. */
export class DataFolder {
  private constructor(readonly root: string) {}

  static async make(): Promise<DataFolder> {
    return new DataFolder(await mkdtemp(join(tmpdir(), 'data-')));
  }

  path(name: string): string {
    return join(this.root, name);
  }

  async text(name: string, text: string): Promise<string> {
    const path = this.path(name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    return path;
  }

  /** Gray photographs of 5 x 4 pixels. */
  async photos(...names: readonly string[]): Promise<void> {
    const bytes = await sharp({ create: { width: 5, height: 4, channels: 3, background: '#808080' } }).jpeg().toBuffer();
    for (const name of names) {
      await this.text(name, '');
      await writeFile(this.path(name), bytes);
    }
  }

  /** A gray mask of 5 x 4 pixels: the values, then zeros. */
  async mask(name: string, ...values: readonly number[]): Promise<void> {
    await this.text(name, '');
    const data = new Uint8Array(20);
    data.set(values);
    await writeFile(this.path(name), packPng(5, 4, data));
  }

  remove(): Promise<void> {
    return rm(this.root, { recursive: true });
  }
}
