import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadedClassifier } from '../../src/classifier/load.js';
import { readPhotoList } from '../../src/pipeline/photo-list.js';
import type { PhotoListOptions } from '../../src/pipeline/photo-list.js';

const classifier = { path: 'model.onnx', spec: { classes: ['background', 'tench', 'tabby, tabby cat', 'hen'] } } as unknown as LoadedClassifier;

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-list-')); });
afterAll(() => rm(folder, { recursive: true }));

async function classesOf(text: string, options?: PhotoListOptions): Promise<Record<string, number | string>> {
  const file = join(folder, 'list.txt');
  await writeFile(file, text);
  const { items, classes } = await readPhotoList(file, classifier, options);
  const found: Record<string, number | string> = {};
  for (const item of items) {
    const own = await classes.classesOf(item);
    found[item.id] = 'reason' in own ? own.reason : own.logits[0];
  }
  return found;
}

describe('a list of photographs with classes', () => {
  it('names classes by index or name', async () => {
    expect(await classesOf('a.jpg 1\nb.jpg hen\nc.jpg "tabby, tabby cat"\n')).toEqual({ a: 1, b: 3, c: 2 });
  });

  it('may be a table whose first line names its columns', async () => {
    expect(await classesOf('image,width,height,class,boxes\na.jpg,30,20,1,"1 2 3 4;5 6 7 8"\n')).toEqual({ a: 1 });
    expect(await classesOf('image,class\na.jpg,2\n')).toEqual({ a: 2 });
    expect(await classesOf('label,path\nhen,b.jpg\n')).toEqual({ b: 3 });
  });

  it('has paths that start from a folder', async () => {
    const file = join(folder, 'list.txt');
    await writeFile(file, 'x/a.jpg 1\n');
    expect((await readPhotoList(file, classifier)).items[0].imagePath).toBe(join(folder, 'x/a.jpg'));
    expect((await readPhotoList(file, classifier, { folder: '/photos' })).items[0].imagePath).toBe('/photos/x/a.jpg');
  });

  it('adds the offset to numbers, not to names', async () => {
    expect(await classesOf('a.jpg 0\nb.jpg hen\nc.jpg 3\n', { logitOffset: 1 })).toEqual({ a: 1, b: 3, c: 'list.txt:3: class 3 is logit 4, but model.onnx has 4' });
  });

  it('reports an unknown class for its photograph only', async () => {
    const { a, b } = await classesOf('a.jpg 1\nb.jpg duck\n');
    expect(a).toBe(1);
    expect(b).toContain('list.txt:2: model.onnx has no class \'duck\'');
    expect((await classesOf('a.jpg 1\nb.jpg 1 2\n')).b).toContain('has no class \'1 2\'');
  });

  it('is refused if nothing in it can be used, or a photograph has two classes', async () => {
    await expect(classesOf('a.jpg duck\n')).rejects.toThrow('no photograph in');
    await expect(classesOf('a.jpg 1\nb.jpg\n')).rejects.toThrow('list.txt:2: there is no class in this line');
    await expect(classesOf('a.jpg 1\na.jpg 2\n')).rejects.toThrow('list.txt:2: a.jpg has another class here than in line 1');
    expect(await classesOf('a.jpg 1\na.jpg 1\n')).toEqual({ a: 1 });
  });
});
