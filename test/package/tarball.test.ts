import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repository } from '../helpers.js';
import { pack } from './npm.js';

let folder: string;
let files: readonly string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-pack-'));
  ({ files } = await pack(repository, folder));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the tarball of npm pack', () => {
  it('holds what is needed at run time', () => {
    expect(files).toEqual(expect.arrayContaining([
      'package.json', 'README.md', 'LICENSE', 'bin/voc-seeds.js', 'dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js', 'dist/program.cjs', 'dist/program.licenses.txt', 'dist/pipeline/seed-worker.cjs',
      'dist/wasm/kernels.wasm', 'configs/fast.yaml', 'configs/best.yaml', 'configs/irn.yaml', 'dist/report/client/viewer.js', 'dist/report/client/style.css',
      'data/models/efficientnet_lite0_voc.onnx', 'data/models/efficientnet_lite0_voc.md', 'data/models/LICENSE-Apache-2.0', 'examples/slurm.sbatch',
    ]));
  });

  it('holds nothing else', () => {
    const wanted = /^(?:package\.json|README\.md|CHANGELOG\.md|LICENSE|bin\/.+\.js|dist\/.+\.(?:c?js|d\.ts|wasm)|dist\/program\.licenses\.txt|dist\/report\/client\/style\.css|configs\/.+\.yaml|configs\/schema\/.+\.json|data\/models\/.+|docs\/(?:reference\/)?[^/]+\.md|docs\/images\/.+|examples\/.+)$/;
    expect(files.filter((file) => !wanted.test(file))).toEqual([]);
    expect(files.filter((file) => /(?:^|[./])(?:test|bench|map|tmp)(?:[./]|$)/.test(file))).toEqual([]);
  });

  it('points at no source maps', () => {
    const scripts = files.filter((file) => /\.(?:c?js|d\.ts)$/.test(file));
    expect(scripts.filter((file) => readFileSync(resolve(repository, file), 'utf8').includes('sourceMappingURL='))).toEqual([]);
  });
});
