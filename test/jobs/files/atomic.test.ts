import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { makeFolder, writeError, writeFileAtomic } from '../../../src/jobs/files/atomic.js';
import { hashFile } from '../../../src/jobs/files/hash.js';

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-files-')); });
afterAll(() => rm(folder, { recursive: true }));

// Nothing is forbidden to root.
const isRoot = process.getuid?.() === 0;

describe('writeFileAtomic', () => {
  it('makes missing folders, and replaces a file', async () => {
    const path = join(folder, 'a', 'b', 'file.txt');
    await writeFileAtomic(path, 'one');
    await writeFileAtomic(path, Uint8Array.from([116, 119, 111]));
    expect(await readFile(path, 'utf8')).toBe('two');
    expect(await readdir(join(folder, 'a', 'b'))).toEqual(['file.txt']);
  });

  it('leaves nothing behind after a failure', async () => {
    const path = join(folder, 'c', 'taken');
    await mkdir(path, { recursive: true });
    await expect(writeFileAtomic(path, 'text')).rejects.toThrow(UserError);
    await expect(writeFileAtomic(path, 'text')).rejects.toThrow(`cannot write ${path}: it is a folder`);
    await expect(writeFileAtomic(join(folder, 'c', 'file'), 5 as unknown as string)).rejects.toThrow(TypeError);
    expect(await readdir(join(folder, 'c'))).toEqual(['taken']);
    expect(await readdir(path)).toEqual([]);
  });

  it('keeps the old file after a failure', async () => {
    const path = join(folder, 'kept.txt');
    await writeFileAtomic(path, 'old');
    await expect(writeFileAtomic(path, { toString: 1 } as unknown as string)).rejects.toThrow(TypeError);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('never shows half a file to a reader', async () => {
    const path = join(folder, 'busy.txt');
    const texts = ['a', 'b'].map((letter) => letter.repeat(2 ** 20));
    await writeFileAtomic(path, texts[0]);
    const writing = (async () => { for (let i = 0; i < 20; i++) await writeFileAtomic(path, texts[i % 2]); })();
    let reads = 0;
    const reading = (async () => {
      for (; reads < 20; reads++) {
        const text = await readFile(path, 'utf8');
        expect(texts.includes(text)).toBe(true);
      }
    })();
    await Promise.all([writing, reading]);
  });

  it('names the path where a part of it is a file', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const inside = join(file, 'more', 'text.txt');
    const error: unknown = await writeFileAtomic(inside, 'text').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toBe(`cannot write ${join(file, 'more')}: a part of the path is a file, not a folder`);
    await expect(makeFolder(file)).rejects.toThrow(`cannot write ${file}: a part of the path is a file, not a folder`);
  });

  it.skipIf(isRoot)('names a folder without permission', async () => {
    const locked = join(folder, 'locked');
    await mkdir(locked);
    await chmod(locked, 0o555);
    await expect(writeFileAtomic(join(locked, 'file'), 'text')).rejects.toThrow(`cannot write ${join(locked, 'file')}: permission denied`);
    await chmod(locked, 0o755);
  });
});

describe('writeError', () => {
  const system = (code: string): Error => Object.assign(new Error(`${code}: something`), { code });

  it.each([
    ['EACCES', 'permission denied'], ['EROFS', 'the file system is read-only'], ['ENOSPC', 'no space is left on the device'],
  ])('says what %s means', (code, text) => {
    const error = writeError('/some/where', system(code));
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toBe(`cannot write /some/where: ${text}`);
    expect((error as UserError).hint).toBeTruthy();
  });

  it('hands other errors back as they are', () => {
    const bug = new TypeError('a bug');
    expect(writeError('/some/where', bug)).toBe(bug);
    expect(writeError('/some/where', undefined)).toBeUndefined();
    const other = system('EIO');
    expect(writeError('/some/where', other)).toBe(other);
  });
});

describe('hashFile', () => {
  it('is SHA-256 (FIPS 180-2, appendix B)', async () => {
    await writeFile(join(folder, 'abc'), 'abc');
    expect(await hashFile(join(folder, 'abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    await writeFile(join(folder, 'million'), 'a'.repeat(1_000_000));
    expect(await hashFile(join(folder, 'million'))).toBe('cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0');
  });
});
