import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { readCheckpoint, writeCheckpoint } from '../../src/train/checkpoint.js';
import { TrainingLog } from '../../src/train/log.js';
import type { GroupState } from '../../src/train/trainer.js';

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-checkpoint-')); });
afterAll(() => rm(folder, { recursive: true }));

const position = { settings: 'abc', step: 7, lossSum: 0.1 + 0.2, epochs: [{ epoch: 1, loss: 0.25, map: 0.5 }] };
const state = (): GroupState[] => [
  { weights: Float32Array.of(1, -0, 1e-40), velocity: Float32Array.of(4, 5, 6), average: Float32Array.of(7, 8, 9) },
  { weights: Float32Array.of(10), velocity: Float32Array.of(11), average: Float32Array.of(12) },
];
const zeros = (sizes: readonly number[], average = true): GroupState[] => sizes.map((size) => ({
  weights: new Float32Array(size), velocity: new Float32Array(size), average: average ? new Float32Array(size) : undefined,
}));

describe('a checkpoint', () => {
  it('gives back every bit', async () => {
    const path = join(folder, 'checkpoint');
    await writeCheckpoint(path, position, state());
    expect(await readdir(folder)).toEqual(['checkpoint']);
    const read = zeros([3, 1]);
    expect(await readCheckpoint(path, read)).toEqual(position);
    expect(read).toEqual(state());
    expect(Object.is(read[0].weights[1], -0)).toBe(true);
  });

  it('is none where there is no file', async () => {
    expect(await readCheckpoint(join(folder, 'nothing'), zeros([1]))).toBeUndefined();
  });

  it.each([
    ['other sizes', [1, 3], true], ['fewer groups', [3], true], ['no average', [3, 1], false],
  ])('of another network is refused: %s', async (_, sizes, average) => {
    const path = join(folder, 'other');
    await writeCheckpoint(path, position, state());
    const read = zeros(sizes, average);
    await expect(readCheckpoint(path, read)).rejects.toThrow(UserError);
    expect(read).toEqual(zeros(sizes, average));
  });

  it('that is cut short, or another file, is refused', async () => {
    const path = join(folder, 'short');
    await writeCheckpoint(path, position, state());
    await writeFile(path, (await readFile(path)).subarray(0, -1));
    await expect(readCheckpoint(path, zeros([3, 1]))).rejects.toThrow(UserError);
    await writeFile(path, 'a text\nof two lines\n');
    await expect(readCheckpoint(path, zeros([3, 1]))).rejects.toThrow('is not a checkpoint');
  });

  it('that is damaged is refused, and leaves the trainer as it is', async () => {
    const path = join(folder, 'damaged');
    await writeCheckpoint(path, position, state());
    const whole = await readFile(path);
    const second = whole.indexOf('\n') + 1;
    const flipped = Buffer.from(whole);
    flipped[flipped.length - 6] ^= 1;
    const cases: [Buffer, string][] = [
      [flipped, `the checkpoint ${path} is damaged: its content has changed`],
      [whole.subarray(0, -1), `the checkpoint ${path} is damaged: it has ${whole.length - 1} bytes, expected ${whole.length}`],
      [Buffer.concat([whole.subarray(0, second), Buffer.from('{"settings"\n')]), `the checkpoint ${path} is damaged: its second line is not valid`],
      [Buffer.from(whole.toString('latin1').replace('"step":7', '"step":-7'), 'latin1'), `the checkpoint ${path} is damaged: its second line`],
      [whole.subarray(second), `${path} is not a checkpoint of a training run`],
      [Buffer.alloc(0), `${path} is not a checkpoint of a training run`],
    ];
    for (const [bytes, message] of cases) {
      await writeFile(path, bytes);
      const read = zeros([3, 1]);
      await expect(readCheckpoint(path, read)).rejects.toThrow(message);
      await expect(readCheckpoint(path, read)).rejects.toThrow(UserError);
      expect(read).toEqual(zeros([3, 1]));
    }
    await expect(readCheckpoint(folder, zeros([3, 1]))).rejects.toThrow(`the checkpoint cannot be read: ${folder} is a folder, not a file`);
  });

  it('of an earlier version has no hash', async () => {
    const path = join(folder, 'old');
    await writeCheckpoint(path, position, state());
    await writeFile(path, Buffer.from((await readFile(path)).toString('latin1').replace(/,"sha256":"\w+"/, ''), 'latin1'));
    expect(await readCheckpoint(path, zeros([3, 1]))).toEqual(position);
  });

  it('is not written into a folder that is gone', async () => {
    await expect(writeCheckpoint(join(folder, 'gone', 'checkpoint'), position, state())).rejects.toThrow('its folder does not exist or was removed');
  });
});

describe('the log of a training run', () => {
  const open = (name: string, step = 0): Promise<TrainingLog> => TrainingLog.open(join(folder, name), {}, step, []);
  const log = (name: string): Promise<string> => readFile(join(folder, name, 'log.jsonl'), 'utf8');

  it('notices that its folder is removed, and makes none anew', async () => {
    const opened = await open('going');
    await opened.step({ step: 1, loss: 0.5, rate: 0.1 });
    await rm(join(folder, 'going'), { recursive: true });
    await expect(opened.step({ step: 2, loss: 0.5, rate: 0.1 })).rejects.toThrow(`${join(folder, 'going')} was removed or replaced during the run`);
    await opened.close();
    expect(await readdir(folder)).not.toContain('going');
  });

  it('is not written over a file that is none', async () => {
    await mkdir(join(folder, 'foreign'));
    for (const content of ['Dear diary\n', '{"name":"x"}\n', Buffer.from([0, 1, 255])]) {
      await writeFile(join(folder, 'foreign', 'log.jsonl'), content);
      await expect(open('foreign')).rejects.toThrow(`${join(folder, 'foreign', 'log.jsonl')} is not the log of a training run and would be overwritten`);
      expect((await readFile(join(folder, 'foreign', 'log.jsonl'))).equals(Buffer.from(content))).toBe(true);
    }
  });

  it('goes on behind lines that are damaged', async () => {
    await mkdir(join(folder, 'cut'));
    for (const [content, kept] of [['', 0], ['{"st', 0], ['{"step":1,"loss":1,"rate":1}\n\0\0\n{"step":2,"loss":1,"rate":1}\n{"step":3,"lo', 2]] as const) {
      await writeFile(join(folder, 'cut', 'log.jsonl'), content);
      await (await open('cut', 5)).close();
      expect((await log('cut')).split('\n').length - 1).toBe(kept);
    }
  });
});
