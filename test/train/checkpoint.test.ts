import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { readCheckpoint, writeCheckpoint } from '../../src/train/checkpoint.js';
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
});
