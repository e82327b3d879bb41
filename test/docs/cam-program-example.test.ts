import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { repository } from '../helpers.js';
import { execute } from '../package/npm.js';

// A folder of the package: there its dependencies can be imported.
let folder: string;
beforeAll(async () => {
  await mkdir(join(repository, 'out'), { recursive: true });
  folder = await mkdtemp(join(repository, 'out/cam-program-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('the example for Node.js runs as printed', async () => {
  const page = await readFile(join(repository, 'docs/cam-program.md'), 'utf8');
  await writeFile(join(folder, 'example.mjs'), /<!-- node example -->\n```js\n(.*?)```/s.exec(page)![1]);
  await copyFile(join(repository, 'data/sample/JPEGImages/cat_on_floor.jpg'), join(folder, 'photo.jpg'));
  const made = await execute(folder, process.execPath, [join(repository, 'bin/voc-seeds.js'), 'model', 'cam-program', 'program.onnx']);
  expect(made.code, made.stderr).toBe(0);
  const { code, stdout, stderr } = await execute(folder, process.execPath, ['example.mjs']);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^\[ 1, \d+, \d+ \] \d/);
});
