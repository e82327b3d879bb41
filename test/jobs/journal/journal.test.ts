import { appendFile, mkdir, mkdtemp, readdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { fingerprint, Journal } from '../../../src/jobs/journal/journal.js';

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

  it('reads one that is longer than what is read at a time, with a damaged line in the middle', async () => {
    await write('');
    const line = (i: number): string => (i === 40_000 ? '{"id":"40000","sta\n' : `${JSON.stringify({ id: `${i}`, status: 'done', notes: ['é'.repeat(60)] })}\n`);
    await appendFile(join(folder, 'journal'), Array.from({ length: 80_000 }, (_, i) => line(i)).join(''));
    const journal = await Journal.open(folder, settings, '', true);
    await journal.close();
    expect(journal.entries.length).toBe(79_999);
    expect(Array.from({ length: 80_000 }, (_, i) => i).filter((i) => !journal.isDone(`${i}`))).toEqual([40_000]);
  });

  it('reads what other shards add, also after it found nothing new', async () => {
    const own = await Journal.open(folder, settings, '1of2', true);
    await write('2of2', 'x');
    expect([await own.refresh(), await own.refresh(), own.isDone('x')]).toEqual([true, false, true]);
    await write('2of2', 'y');
    expect([await own.refresh(), await own.refresh(), own.isDone('y')]).toEqual([true, false, true]);
    await own.close();
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
      .rejects.toThrow(`${folder} contains results with other settings: threshold was 0.3 and is 0.4; gamma was none and is 2`);
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

const header = `${JSON.stringify({ settings: fingerprint(settings), values: settings })}\n`;
const entry = (id: string): string => `${JSON.stringify({ id, status: 'done' })}\n`;
const GO_ON = 'choose another --out, remove the folder, or start again with --no-resume';

/** The error of opening a journal, which must be one for the user. */
async function refusal(part = '', resume = true, results: readonly string[] = []): Promise<UserError> {
  const error: unknown = await Journal.open(folder, settings, part, resume, results).then((journal) => journal.close(), (thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
}

describe('a damaged journal', () => {
  const edited = JSON.stringify({ settings: fingerprint(settings), values: { ...settings, threshold: 0.4 } });
  it.each([
    ['without its header', entry('x') + entry('y'), 'its first line, with the settings, is missing'],
    ['with half a header and entries', `{"settings":"12\n${entry('x')}`, 'its first line does not contain settings'],
    ['with half a header and no more', '{"settings":"12\n', 'its first line does not contain settings'],
    ['of bytes', Buffer.from([0, 255, 1, 254, 10, 3]), 'its first line does not contain settings'],
    ['of zeros', Buffer.alloc(300), 'its first line does not contain settings'],
    ['of text', 'Dear diary', 'its first line does not contain settings'],
    ['of other JSON', '{"name":"x"}\n', 'its first line does not contain settings'],
    ['of an array', '[1]\n', 'its first line does not contain settings'],
    ['with settings that are no object', `{"settings":"${fingerprint(settings)}","values":[]}\n${entry('x')}`, 'its first line does not contain settings'],
    ['with edited settings', `${edited}\n${entry('x')}`, 'the settings in its first line were changed'],
    ['with the header behind an entry', entry('x') + header, 'its first line, with the settings, is missing'],
    ['with two headers', header + entry('x') + header.replaceAll('0.3', '0.5'), 'it contains settings twice, and they differ'],
  ])('%s is refused, and stays as it is', async (_, content, why) => {
    for (const [name, part] of [['journal', ''], ['journal-2of4', ''], ['journal-2of4', '1of4']]) {
      await writeFile(join(folder, name), content);
      const { message, hint } = await refusal(part);
      expect(message).toBe(`the journal ${join(folder, name)} is damaged: ${why}, so the settings of the results are unknown`);
      expect(hint).toBe(GO_ON);
      expect((await readFile(join(folder, name))).equals(Buffer.from(content))).toBe(true);
      expect(await readdir(folder)).toEqual([name]);
      await unlink(join(folder, name));
    }
  });

  it('is begun anew without resume', async () => {
    await writeFile(join(folder, 'journal'), 'Dear diary');
    await writeFile(join(folder, 'journal-1of2'), entry('y'));
    const journal = await Journal.open(folder, settings, '', false, ['results']);
    await journal.record({ id: 'x', status: 'done' });
    await journal.close();
    expect(await readdir(folder)).toEqual(['journal']);
    expect(await known('x', 'y')).toEqual([true, false]);
  });

  it('costs only the items in its other lines', async () => {
    await writeFile(join(folder, 'journal'), `${header}${entry('x')}{"id":"y","stat\n\0\0\n{"id":5,"status":"done"}\n{"id":"w","status":"maybe"}\n${entry('z')}`);
    expect(await known('x', 'y', '5', 'w', 'z')).toEqual([true, false, false, false, true]);
  });

  it('may say the same settings twice', async () => {
    await writeFile(join(folder, 'journal'), header + entry('x') + header + entry('y'));
    expect(await known('x', 'y')).toEqual([true, true]);
  });

  it('of which nothing was written yet is gone on with', async () => {
    for (const content of ['', '{', '{"settings":"12ab', header.slice(0, -4), '\n']) {
      await writeFile(join(folder, 'journal'), content);
      // Another shard may be about to write its first line.
      await writeFile(join(folder, 'journal-2of2'), content);
      await write('', 'x');
      expect(await lines()).toHaveLength(2);
      expect(await known('x')).toEqual([true]);
      await unlink(join(folder, 'journal'));
    }
  });

  it('that is a folder is named', async () => {
    await mkdir(join(folder, 'journal'));
    expect((await refusal()).message).toBe(`the journal cannot be read: ${join(folder, 'journal')} is a folder, not a file`);
    expect((await refusal('', false)).message).toContain(`cannot write ${join(folder, 'journal')}`);
  });
});

describe('results without a journal', () => {
  beforeEach(async () => {
    await mkdir(join(folder, 'results'));
    await writeFile(join(folder, 'results', 'a.png'), 'of somebody else');
  });

  it('are not touched, with or without resume', async () => {
    for (const resume of [true, false]) {
      const { message, hint } = await refusal('', resume, ['results']);
      expect(message).toBe(`${join(folder, 'results')} already contains files, and no journal in ${folder} records their settings`);
      expect(hint).toBe('choose another --out, or move the files away');
    }
    expect(await readdir(folder)).toEqual(['results']);
  });

  it('of a run whose journal is lost or empty may be made anew', async () => {
    await writeFile(join(folder, 'run.json'), '{}');
    expect((await refusal('', true, ['results'])).hint).toBe(GO_ON);
    await rm(join(folder, 'run.json'));
    await writeFile(join(folder, 'journal'), '');
    expect((await refusal('', true, ['results'])).hint).toBe(GO_ON);
    await (await Journal.open(folder, settings, '', false, ['results'])).close();
    expect(await lines()).toHaveLength(1);
  });

  it('are those of another shard if it has a journal', async () => {
    await writeFile(join(folder, 'journal-1of2'), header + entry('a'));
    const journal = await Journal.open(folder, settings, '2of2', true, ['results']);
    expect(journal.isDone('a')).toBe(true);
    await journal.close();
  });
});

describe('beginning anew', () => {
  const other = { ...settings, threshold: 0.9 };

  it('takes away the journals of other settings, and those of its own shards count', async () => {
    await writeFile(join(folder, 'journal-1of2'), header + entry('x'));
    await writeFile(join(folder, 'journal-1of3'), `${JSON.stringify({ settings: fingerprint(other), values: other })}\n${entry('y')}`);
    const journal = await Journal.open(folder, settings, '', false);
    expect(['x', 'y'].map((id) => journal.isDone(id))).toEqual([true, false]);
    await journal.close();
    expect(await readdir(folder)).toEqual(['journal', 'journal-1of2']);
  });

  it('leaves the shards beside it to themselves, and does not count what they did with other settings', async () => {
    for (const part of ['1of2', '2of2', '1of3']) {
      const journal = await Journal.open(folder, other, part, true);
      await journal.record({ id: part, status: 'done' });
      await journal.close();
    }
    const first = await Journal.open(folder, settings, '1of2', false);
    expect(await readdir(folder)).toEqual(['journal-1of2', 'journal-2of2']);
    expect(await first.refresh()).toBe(false);
    expect(first.isDone('2of2')).toBe(false);
    await first.close();
    await (await Journal.open(folder, settings, '2of2', false)).close();
    expect(await known('1of2', '2of2')).toEqual([false, false]);
  });
});

describe('a journal in use', () => {
  it('notices that it was removed or replaced', async () => {
    const gone = await Journal.open(folder, settings, '', true);
    await unlink(join(folder, 'journal'));
    await expect(gone.record({ id: 'x', status: 'done' })).rejects.toThrow(`${join(folder, 'journal')} was removed or replaced during the run`);
    await gone.close();
    expect(await readdir(folder)).toEqual([]);
    const replaced = await Journal.open(folder, settings, '', true);
    await rename(join(folder, 'journal'), join(folder, 'old'));
    await writeFile(join(folder, 'journal'), header);
    await expect(replaced.record({ id: 'x', status: 'done' })).rejects.toThrow(UserError);
    await replaced.close();
  });

  it('forgets an item whose files are others, until it is done again', async () => {
    await write('1of2', 'x');
    const journal = await Journal.open(folder, settings, '', true);
    journal.forget('x');
    expect(journal.isDone('x')).toBe(false);
    expect(await journal.refresh()).toBe(false);
    expect(journal.isDone('x')).toBe(false);
    await journal.record({ id: 'x', status: 'done' });
    expect(journal.isDone('x')).toBe(true);
    await journal.close();
  });

  it('knows what each journal says of an item', async () => {
    const record = async (part: string, file: string): Promise<void> => {
      const journal = await Journal.open(folder, settings, part, true);
      await journal.record({ id: 'x', status: 'done', files: { results: file } });
      await journal.close();
    };
    await record('1of2', '1:aa');
    await record('1of2', '2:bb');
    await record('', '3:cc');
    const journal = await Journal.open(folder, settings, '', true);
    expect(journal.doneEntries('x').map(({ files }) => files)).toEqual([{ results: '3:cc' }, { results: '2:bb' }]);
    await journal.close();
  });
});
