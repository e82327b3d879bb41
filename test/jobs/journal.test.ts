import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fingerprint, Journal } from '../../src/jobs/journal.js';

let folder: string;
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-journal-')); });
afterEach(() => rm(folder, { recursive: true }));

const settings = { threshold: 0.3, layers: ['a', 'b'] };

async function write(part: string, ...ids: string[]): Promise<void> {
  const journal = await Journal.open(folder, settings, part, true);
  for (const id of ids) await journal.record({ id, status: 'done' });
  await journal.close();
}

async function known(...ids: string[]): Promise<boolean[]> {
  const journal = await Journal.open(folder, settings, '', true);
  await journal.close();
  return ids.map((id) => journal.isDone(id));
}

const lines = async (name = 'journal'): Promise<unknown[]> =>
  (await readFile(join(folder, name), 'utf8')).trim().split('\n').map((line): unknown => JSON.parse(line));

describe('Journal', () => {
  it('remembers what is done', async () => {
    await write('', 'x', 'y');
    expect(await known('x', 'y', 'z')).toEqual([true, true, false]);
  });

  it('holds the settings, then a line per item', async () => {
    const journal = await Journal.open(folder, settings, '', true);
    await journal.record({ id: 'x', status: 'done', notes: ['small'] });
    await journal.record({ id: 'y', status: 'failed', reason: 'no image' });
    await journal.close();
    expect(await lines()).toEqual([
      { settings: fingerprint(settings), values: settings },
      { id: 'x', status: 'done', notes: ['small'] },
      { id: 'y', status: 'failed', reason: 'no image' },
    ]);
  });

  it('writes each item down at once, not at the end', async () => {
    const journal = await Journal.open(folder, settings, '', true);
    await journal.record({ id: 'x', status: 'done' });
    expect(await lines()).toHaveLength(2);
    await journal.close();
  });

  it('tries again what failed; the last word counts', async () => {
    const journal = await Journal.open(folder, settings, '', true);
    await journal.record({ id: 'x', status: 'failed', reason: 'no image' });
    expect(journal.isDone('x')).toBe(false);
    await journal.record({ id: 'x', status: 'done' });
    expect(journal.isDone('x')).toBe(true);
    await journal.close();
    expect(await known('x')).toEqual([true]);
  });

  it('refuses to mix results of different settings, and names the difference', async () => {
    await write('', 'x');
    await expect(Journal.open(folder, { ...settings, threshold: 0.4, gamma: 2 }, '', true))
      .rejects.toThrow(`${folder} holds results of other settings: threshold was 0.3 and is 0.4; gamma was none and is 2`);
    await expect(Journal.open(folder, { ...settings, threshold: 0.4 }, '1of2', true)).rejects.toThrow('threshold was 0.3 and is 0.4');
    expect(await known('x')).toEqual([true]);
  });

  it('shortens long settings in the message', async () => {
    await write('', 'x');
    const layers = Array.from({ length: 100 }, (_, i) => `layer-${i}`);
    const error: unknown = await Journal.open(folder, { ...settings, layers }, '', true).catch((thrown: unknown) => thrown);
    expect((error as Error).message).toContain('layers was ["a","b"] and is ["layer-0","layer-1",');
    expect((error as Error).message.length).toBeLessThan(folder.length + 160);
  });

  it('does not mind the order of settings, or settings that are not given', async () => {
    await write('', 'x');
    const journal = await Journal.open(folder, { gamma: undefined, layers: ['a', 'b'], threshold: 0.3 }, '', true);
    expect(journal.isDone('x')).toBe(true);
    await journal.close();
  });

  it('begins anew without resume', async () => {
    await write('', 'x');
    const journal = await Journal.open(folder, { threshold: 1 }, '', false);
    expect(journal.isDone('x')).toBe(false);
    await journal.close();
    expect(await lines()).toHaveLength(1);
  });

  it('ignores half a line, and does not write behind it', async () => {
    await write('', 'x');
    await appendFile(join(folder, 'journal'), '{"id":"y","sta');
    await write('', 'z');
    expect(await known('x', 'y', 'z')).toEqual([true, false, true]);
  });

  it('begins anew where not even the settings were written', async () => {
    await writeFile(join(folder, 'journal'), '{"settings":"12');
    await write('', 'x');
    expect(await lines()).toHaveLength(2);
    expect(await known('x')).toEqual([true]);
  });

  it('knows what other shards have done, also later', async () => {
    await write('1of3', 'x');
    const second = await Journal.open(folder, settings, '2of3', true);
    expect(second.isDone('x')).toBe(true);
    await write('3of3', 'y');
    expect(second.isDone('y')).toBe(false);
    expect(await second.refresh()).toBe(true);
    expect(second.isDone('y')).toBe(true);
    expect(await second.refresh()).toBe(false);
    await second.close();
    expect(await lines('journal-2of3')).toHaveLength(1);
  });

  it('names the folder where it cannot be made', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(Journal.open(file, settings, '', true)).rejects.toThrow(`cannot write ${file}: a part of the path is a file, not a folder`);
  });
});
