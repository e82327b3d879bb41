import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAblation } from '../../../src/report/run/ablation.js';

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-report-')); });
afterAll(() => rm(folder, { recursive: true }));

describe('readAblation', () => {
  const read = async (value: unknown) => {
    const path = join(folder, 'ablation.json');
    await writeFile(path, typeof value === 'string' ? value : JSON.stringify(value));
    return readAblation(path);
  };

  it('reads shares and percentages, and leaves alone what it does not know', async () => {
    const mean = { name: '/16', miou: 0.427, low: 0.41, high: 0.44, threshold: 0.14 };
    const none = { name: 'no class', miou: null };
    expect(await read({ split: 'train', sawMasks: true, variants: [{ ...mean, layers: ['x'] }, { name: 'plain', miou: 0.4, threshold: null }, none] })).toEqual({
      sawMasks: true, variants: [mean, { name: 'plain', miou: 0.4, low: undefined, high: undefined, threshold: undefined }],
    });
    const { variants: [first, second] } = await read({ variants: [{ name: 'a', miou: 50, low: 25, high: 75, threshold: 0.5 }, { name: 'b', miou: 0.5, low: null }] });
    expect(first).toEqual({ name: 'a', miou: 0.5, low: 0.25, high: 0.75, threshold: 0.5 });
    expect(second.miou).toBe(0.005);
  });

  it('says what is wrong with another file', async () => {
    await expect(read({ rows: [] })).rejects.toThrow(/is not the results of an ablation: variants is missing/);
    await expect(read({ variants: [{ name: 'a', miou: 'high' }] })).rejects.toThrow(/variants\[0\]\.miou is 'high'; it must be a number from 0 to 100/);
    await expect(read('{')).rejects.toThrow(/cannot read the ablation/);
    await expect(readAblation(join(folder, 'none.json'))).rejects.toThrow(/none\.json/);
  });
});
