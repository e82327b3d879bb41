import { cp, mkdir, mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { OutFolder } from '../../../src/jobs/files/out-folder.js';
import { isDataSet, isRun, refuseInputFile, refuseInputs } from '../../../src/jobs/journal/own-folder.js';
import { sameFile } from '../../../src/jobs/files/same-file.js';

let folder: string;
let out: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-out-'));
  out = join(folder, 'out');
});
afterEach(() => rm(folder, { recursive: true }));

describe('OutFolder', () => {
  it('makes its folders, and is content while they stay', async () => {
    const place = await OutFolder.open(out, ['a', 'b/c']);
    expect((await readdir(out, { recursive: true })).sort()).toEqual(['a', 'b', 'b/c']);
    await writeFile(join(out, 'a', 'file'), '');
    await place.check();
    await place.close();
  });

  it.each([
    ['removed', () => rm(out, { recursive: true }), () => out],
    ['moved away', () => rename(out, join(folder, 'moved')), () => out],
    ['replaced', async () => {
      await rename(out, join(folder, 'moved'));
      await cp(join(folder, 'moved'), out, { recursive: true });
    }, () => out],
    ['a file now', async () => {
      await rm(out, { recursive: true });
      await writeFile(out, '');
    }, () => out],
    ['without one of its folders', () => rm(join(out, 'a'), { recursive: true }), () => join(out, 'a')],
    ['with another folder in its place', async () => {
      await rm(join(out, 'a'), { recursive: true });
      await mkdir(join(out, 'a'));
    }, () => join(out, 'a')],
  ])('notices that it is %s', async (_, change, named) => {
    const place = await OutFolder.open(out, ['a']);
    await change();
    await expect(place.check()).rejects.toThrow(`${named()} was removed or replaced during the run`);
    await expect(place.check()).rejects.toThrow(UserError);
    await place.close();
    expect(await stat(join(out, 'b')).catch(() => undefined)).toBeUndefined();
  });
});

describe('what is read', () => {
  let root: string;
  beforeEach(async () => {
    root = join(folder, 'VOC2012');
    for (const name of ['JPEGImages', 'SegmentationClass']) await mkdir(join(root, name), { recursive: true });
    await writeFile(join(root, 'SegmentationClass', 'a.png'), 'truth');
  });
  const refuse = (place: string, inputs: readonly string[] = [root], inputFolders: readonly string[] = []): Promise<void> => (
    refuseInputs({ out: place, folders: ['SegmentationClass'], inputs, inputFolders, files: [join(place, 'list.txt')] }));

  it('is not where results go', async () => {
    await mkdir(out);
    await refuse(out);
    await expect(refuse(root)).rejects.toThrow(`${root} is an input of this run and would be overwritten`);
    await expect(refuse(root, [])).rejects.toThrow(`--out ${root} is a data set (it has a folder JPEGImages or Annotations), which must not be changed`);
    await expect(refuse(`${out}/../VOC2012`)).rejects.toThrow(UserError);
    await symlink(root, join(folder, 'link'));
    await expect(refuse(join(folder, 'link'))).rejects.toThrow(UserError);
    await expect(refuse(join(root, 'SegmentationClass'), [join(root, 'SegmentationClass')])).rejects.toThrow(UserError);
  });

  it('is not what a folder or file of the results leads to', async () => {
    await mkdir(out);
    await symlink(join(root, 'SegmentationClass'), join(out, 'SegmentationClass'));
    await expect(refuse(out, [], [join(root, 'SegmentationClass')])).rejects.toThrow(`${join(out, 'SegmentationClass')} is an input of this run`);
    await refuse(out, [], [join(root, 'JPEGImages')]);
    await writeFile(join(out, 'list.txt'), 'a\n');
    await symlink(out, join(folder, 'link'));
    await expect(refuse(out, [join(folder, 'link', 'list.txt')])).rejects.toThrow(`${join(out, 'list.txt')} is an input of this run`);
  });

  it('may lie beside the results of a run', async () => {
    await writeFile(join(root, 'run.json'), '{"settings":{}}');
    expect([await isRun(root), await isDataSet(root)]).toEqual([true, false]);
    await refuse(root, []);
    for (const other of ['{}', '[]', 'null', 'no JSON']) {
      await writeFile(join(root, 'run.json'), other);
      expect([await isRun(root), await isDataSet(root)]).toEqual([false, true]);
    }
  });

  it('is not written over by a single file', async () => {
    const [list, mask] = [join(folder, 'list.txt'), join(root, 'SegmentationClass', 'a.png')];
    await writeFile(list, 'a\n');
    await symlink(list, join(folder, 'link.txt'));
    await expect(refuseInputFile(join(folder, 'link.txt'), '--csv', [undefined, list])).rejects.toThrow(`--csv ${join(folder, 'link.txt')} is an input of this command`);
    await expect(refuseInputFile(mask, '--csv', [], [join(root, 'SegmentationClass')])).rejects.toThrow(`--csv ${mask} is a file of the data set`);
    await refuseInputFile(join(root, 'SegmentationClass', 'new.csv'), '--csv', [list], [join(root, 'SegmentationClass')]);
    expect([await sameFile(list, join(folder, 'link.txt')), await sameFile(list, mask), await sameFile(list, join(folder, 'nothing'))]).toEqual([true, false, false]);
  });
});
