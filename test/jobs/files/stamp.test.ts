import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hasStamp, stampOf, writeStamped } from '../../../src/jobs/files/stamp.js';

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-stamp-')); });
afterAll(() => rm(folder, { recursive: true }));

// SHA-256 of 'abc' and of nothing, from FIPS 180-2, appendix B, and from `sha256sum /dev/null`.
const abc = '3:ba7816bf8f01cfea';
const nothing = '0:e3b0c44298fc1c14';

it('a stamp is the size and the beginning of the SHA-256', async () => {
  expect(stampOf(Buffer.from('abc'))).toBe(abc);
  expect(stampOf(new Uint8Array())).toBe(nothing);
  expect(await writeStamped(join(folder, 'abc'), Buffer.from('abc'))).toBe(abc);
  expect(await hasStamp(join(folder, 'abc'), abc)).toBe(true);
});

it('a file that is missing, empty, cut, longer, changed or something else has another', async () => {
  const path = join(folder, 'file');
  expect(await hasStamp(path, abc)).toBe(false);
  for (const content of ['', 'ab', 'abcd', 'abd']) {
    await writeFile(path, content);
    expect(await hasStamp(path, abc)).toBe(false);
  }
  await writeFile(path, '');
  expect(await hasStamp(path, nothing)).toBe(true);
  await mkdir(join(folder, 'folder'));
  expect(await hasStamp(join(folder, 'folder'), nothing)).toBe(false);
  await symlink(join(folder, 'abc'), join(folder, 'link'));
  expect(await hasStamp(join(folder, 'link'), abc)).toBe(true);
});

it('a stamp that is none fits nothing', async () => {
  await writeFile(join(folder, 'abc'), 'abc');
  for (const stamp of ['', '3', '3:', '3:ba', ':ba7816bf8f01cfea', 'x:ba7816bf8f01cfea', '3:ba7816bf8f01cfeab']) expect(await hasStamp(join(folder, 'abc'), stamp)).toBe(false);
});

it('is not written into a folder that is gone', async () => {
  await expect(writeStamped(join(folder, 'gone', 'abc'), Buffer.from('abc'))).rejects.toThrow(`cannot write ${join(folder, 'gone', 'abc')}: its folder does not exist`);
});
