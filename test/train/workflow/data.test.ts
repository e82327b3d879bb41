import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTrainingData } from '../../../src/train/workflow/data.js';
import type { TrainingLists } from '../../../src/train/workflow/data.js';
import { annotation, writeSplit } from '../../pipeline/tiny.js';

// Class indices from 0: aeroplane 0, boat 3, cow 9, dog 11, person 14, sofa 17.
let folder: string;
let newer: string;
let older: string;

/** A devkit with photographs (whose content nobody looks at here) and annotations. */
async function devkit(name: string, classes: Record<string, string[]>): Promise<string> {
  const root = join(folder, name);
  for (const part of ['JPEGImages', 'Annotations', 'ImageSets/Segmentation']) await mkdir(join(root, part), { recursive: true });
  for (const [id, names] of Object.entries(classes)) {
    await writeFile(join(root, 'JPEGImages', `${id}.jpg`), '');
    await writeFile(join(root, 'Annotations', `${id}.xml`), annotation(names));
  }
  return root;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-train-data-'));
  newer = await devkit('VOC2012', { a: ['boat'], b: ['cow', 'person'], c: ['sofa'], d: ['dog'] });
  older = await devkit('VOC2007', { a: ['person'], e: ['aeroplane'] });
  await writeSplit(newer, 'train', ['a', 'b', 'gone']);
  await writeSplit(newer, 'more', ['b', 'c', 'gone', 'lost']);
  await writeSplit(older, 'trainval', ['a', 'e']);
});
afterAll(() => rm(folder, { recursive: true }));

const photo = (root: string, id: string): string => join(root, 'JPEGImages', `${id}.jpg`);
/** A list in a file of its own. */
async function list(name: string, ...lines: string[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}
const open = (lists: TrainingLists, flags?: Parameters<typeof openTrainingData>[1]) => openTrainingData({ vocRoot: newer, labels: 'xml', ...lists }, flags);

describe('openTrainingData', () => {
  it('one list: classes from 0, and what is not there is counted', async () => {
    const { labels, missing, failures } = await open({ split: 'train' });
    expect([...labels]).toEqual([[photo(newer, 'a'), [3]], [photo(newer, 'b'), [9, 14]]]);
    expect({ missing, failures }).toEqual({ missing: 1, failures: [] });
  });

  it('several lists of a devkit: a photograph in two of them counts once, and so does one that is missing', async () => {
    const { labels, missing, failures } = await open({ split: ['train', 'more'] });
    expect([...labels]).toEqual([[photo(newer, 'a'), [3]], [photo(newer, 'b'), [9, 14]], [photo(newer, 'c'), [17]]]);
    expect({ missing, failures }).toEqual({ missing: 2, failures: [] });
  });

  it('lists of other devkits: the same id is another photograph there', async () => {
    const { labels } = await open({ split: 'train', alsoTrainOn: [{ vocRoot: older, split: 'trainval' }] });
    expect([...labels]).toEqual([[photo(newer, 'a'), [3]], [photo(newer, 'b'), [9, 14]], [photo(older, 'a'), [14]], [photo(older, 'e'), [0]]]);
  });

  it('lists with labels of their own', async () => {
    const own = await list('own.txt', 'VOC2012/JPEGImages/c.jpg 1', 'VOC2012/JPEGImages/d.jpg dog cow');
    const { labels } = await open({ split: 'train', alsoTrainOn: [{ split: own, labels: 'list' }] });
    expect([...labels].slice(2)).toEqual([[photo(newer, 'c'), [0]], [photo(newer, 'd'), [9, 11]]]);
    const classes = await list('classes.txt', 'c sofa', 'd');
    const ids = await list('ids.txt', 'c', 'd');
    for (const also of [{ split: ids, labels: 'list', labelFile: classes }, { split: ids, labels: `list:${classes}` }]) {
      expect([...(await open({ split: 'train', alsoTrainOn: [also] })).labels].slice(2)).toEqual([[photo(newer, 'c'), [17]], [photo(newer, 'd'), []]]);
    }
  });

  it('a label file goes with its labels: a list that names other labels is read by those', async () => {
    const classes = await list('main.txt', 'a dog', 'b dog', 'c dog');
    const own = await list('other.txt', 'VOC2012/JPEGImages/d.jpg sofa');
    const { labels } = await open({ split: 'train', labels: 'list', labelFile: classes, alsoTrainOn: [{ split: 'more' }, { split: own, labels: 'list' }] });
    expect([...labels]).toEqual([[photo(newer, 'a'), [11]], [photo(newer, 'b'), [11]], [photo(newer, 'c'), [11]], [photo(newer, 'd'), [17]]]);
  });

  it('keeps the classes of the first list where two differ, and says so', async () => {
    const other = await list('differs.txt', 'VOC2012/JPEGImages/b.jpg person cow', 'VOC2012/JPEGImages/a.jpg boat dog');
    const { labels, failures } = await open({ split: 'train', alsoTrainOn: [{ split: other, labels: 'list' }] });
    expect([...labels]).toEqual([[photo(newer, 'a'), [3]], [photo(newer, 'b'), [9, 14]]]);
    expect(failures).toHaveLength(1);
    expect(failures[0].id).toBe('a');
    const first = join(newer, 'ImageSets/Segmentation/train.txt');
    expect(failures[0].reason).toBe(`${photo(newer, 'a')} has other classes in ${other} than in ${first}; those in ${first} are used`);
  });

  it('leaves out what has no labels, unless another list has some', async () => {
    const half = await list('half.txt', 'a boat');
    const { labels, failures } = await open({ split: 'train', labels: `list:${half}` });
    expect([...labels]).toEqual([[photo(newer, 'a'), [3]]]);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({ id: 'b', reason: expect.stringContaining('no labels for b from list') as string });
    const both = await open({ split: 'train', labels: `list:${half}`, alsoTrainOn: [{ split: 'train', labels: 'xml' }] });
    expect([...both.labels]).toEqual([[photo(newer, 'a'), [3]], [photo(newer, 'b'), [9, 14]]]);
    expect(both.failures).toEqual([]);
  });

  it('can be narrowed down over all lists', async () => {
    const lists = { split: ['train', 'more'], alsoTrainOn: [{ vocRoot: older, split: 'trainval' }] };
    expect([...(await open(lists, { limit: 3 })).labels.keys()]).toEqual([photo(newer, 'a'), photo(newer, 'b'), photo(newer, 'c')]);
    const chosen = await open(lists, { ids: ['e', 'a', 'lost'] });
    expect([...chosen.labels.keys()]).toEqual([photo(newer, 'a'), photo(older, 'a'), photo(older, 'e')]);
    expect(chosen.missing).toBe(1);
    await expect(open(lists, { ids: ['a', 'nobody'] })).rejects.toThrow('no list has an image with the id nobody');
  });

  it('says what is missing', async () => {
    await expect(openTrainingData({})).rejects.toThrow('--voc-root is missing');
    await expect(openTrainingData({ vocRoot: newer })).rejects.toThrow('--split is missing');
    await expect(openTrainingData({ vocRoot: newer, split: [] })).rejects.toThrow('--split is missing');
    await expect(openTrainingData({ vocRoot: newer, split: 'train' })).rejects.toThrow('--labels is missing');
    await expect(open({ split: 'train', alsoTrainOn: [{ split: 'nowhere' }] })).rejects.toThrow('there is no split nowhere');
    const stranger = await list('stranger.txt', 'x dog');
    await expect(open({ split: 'train', labels: `list:${stranger}` })).rejects.toThrow(/^no photograph of .*train\.txt has labels/);
  });
});
