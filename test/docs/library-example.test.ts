import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readMask } from '../../src/datasets/masks.js';
import { repository } from '../helpers.js';
import { execute } from '../package/npm.js';

// A folder of the package: there its own name can be imported.
let folder: string;
let example: string;

beforeAll(async () => {
  await mkdir(join(repository, 'out'), { recursive: true });
  folder = await mkdtemp(join(repository, 'out/library-example-'));
  example = exampleIn(await readFile(join(repository, 'README.md'), 'utf8'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function exampleIn(text: string): string {
  return /<!-- library example -->\n```ts\n(.*?)```/s.exec(text)![1];
}

it('is the same in README, docs and the entry point, and has 12 lines at most', async () => {
  expect(exampleIn(await readFile(join(repository, 'docs/library.md'), 'utf8'))).toBe(example);
  const comment = (await readFile(join(repository, 'src/index.ts'), 'utf8')).replaceAll(/^ \* ?/gm, '');
  expect(/```ts\n(.*?)```/s.exec(comment)![1]).toBe(example);
  expect(example.trim().split('\n').length).toBeLessThanOrEqual(12);
});

it('is correct TypeScript as printed', async () => {
  await writeFile(join(folder, 'example.mts'), example);
  const compilerOptions = { target: 'ES2022', module: 'NodeNext', strict: true, noEmit: true, skipLibCheck: true, types: [] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['example.mts'] }));
  const { code, stdout } = await execute(folder, process.execPath, [join(repository, 'node_modules/typescript/bin/tsc'), '-p', folder]);
  expect([code, stdout]).toEqual([0, '']);
});

it('makes the seeds of a cat as printed', async () => {
  await writeFile(join(folder, 'example.mjs'), example);
  await copyFile(join(repository, 'data/sample/JPEGImages/cat_on_floor.jpg'), join(folder, 'photo.jpg'));
  const { code, stderr } = await execute(folder, process.execPath, ['example.mjs']);
  expect([code, stderr]).toEqual([0, '']);
  const { data } = await readMask(join(folder, 'seeds.png'));
  // VOC's label of cats is 8.
  expect([...new Set(data)].sort()).toEqual([0, 8]);
});
