import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevkit } from '../../src/datasets/devkit.js';

let top: string;
let root: string;

beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), 'devkit-'));
  root = join(top, 'VOCdevkit', 'VOC2012');
  for (const folder of ['JPEGImages', 'SegmentationClassAug']) await mkdir(join(root, folder), { recursive: true });
  await mkdir(join(top, 'masks'));
  await mkdir(join(top, 'empty'));
  await writeFile(join(top, 'file'), '');
});
afterAll(() => rm(top, { recursive: true }));

describe('openDevkit', () => {
  it('opens an incomplete devkit and knows its folders', async () => {
    expect(await openDevkit(relative(process.cwd(), root))).toEqual({
      root,
      imageDir: join(root, 'JPEGImages'),
      maskDir: join(root, 'SegmentationClass'),
      maskDirGiven: false,
      annotationDir: join(root, 'Annotations'),
      listDir: join(root, 'ImageSets', 'Segmentation'),
    });
  });

  it.each([
    ['VOCdevkit', 'VOCdevkit/VOC2012'], ['.', 'VOCdevkit/VOC2012'], ['VOCdevkit/VOC2012/JPEGImages', 'VOCdevkit/VOC2012'],
  ])('told %s, it asks whether %s was meant', async (given, meant) => {
    await expect(openDevkit(join(top, given))).rejects.toMatchObject({ name: 'UserError', hint: `Did you mean ${join(top, meant)}?` });
  });

  it.each([['empty', 'is not a VOC devkit'], ['file', 'does not exist'], ['none', 'does not exist']])('refuses %s', async (given, message) => {
    await expect(openDevkit(join(top, given))).rejects.toMatchObject({
      name: 'UserError', message: expect.stringContaining(message), hint: expect.stringContaining('the folder that contains JPEGImages'),
    });
  });

  it('takes masks from a folder in the devkit, or from any other', async () => {
    expect(await openDevkit(root, { maskDir: 'SegmentationClassAug' })).toMatchObject({ maskDir: join(root, 'SegmentationClassAug'), maskDirGiven: true });
    expect(await openDevkit(root, { maskDir: join(top, 'masks') })).toMatchObject({ maskDir: join(top, 'masks') });
    await expect(openDevkit(root, { maskDir: 'nowhere' })).rejects.toThrow('the mask folder nowhere is neither in');
  });
});
