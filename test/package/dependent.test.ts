import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMask } from '../../src/datasets/masks.js';
import { repository } from '../helpers.js';
import { COMMONJS_PROGRAM, MODULE_PROGRAM, TYPED_COMMONJS, TYPED_PROGRAM } from './consumer.js';
import type { Ended } from './npm.js';
import { execute, pack } from './npm.js';

/** Without the network, and with nothing of it in npm's cache, there is nothing to install from. */
const NO_NETWORK = /npm (?:error|ERR!) code (?:ENOTCACHED|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|EIDLETIMEOUT|E50\d)\b/;

let project: string;
let unavailable: string | undefined;

/** A test that needs the installed project; it is skipped, and says why, where npm reaches no registry. */
const installed = (test: () => Promise<void>) => async (context: TestContext): Promise<void> => {
  context.skip(unavailable !== undefined, unavailable);
  await test();
};

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'voc-seeds-dependent-'));
  const { filename } = await pack(repository, project);
  await writeFile(join(project, 'package.json'), '{"name": "dependent", "version": "1.0.0", "private": true}');
  const options = ['--prefer-offline', '--no-audit', '--no-fund', '--fetch-retries=1', '--fetch-retry-mintimeout=1000'];
  // The line of the README. The optional TensorFlow for GPUs would fetch its library, too: here it fails as it does without a network.
  const { code, stderr } = await execute(project, 'npm', ['install', ...options, `./${filename}`], { ONNXRUNTIME_NODE_INSTALL: 'skip', TFJS_NODE_BASE_URI: 'nowhere:' });
  if (NO_NETWORK.test(stderr)) {
    unavailable = `npm reaches no registry: ${NO_NETWORK.exec(stderr)![0]}`;
    process.stderr.write(`skipped: the package as a dependency, because ${unavailable}\n`);
  } else if (code !== 0) {
    throw new Error(`npm install ended with ${code}: ${stderr}`);
  }
}, 600_000);
afterAll(() => rm(project, { recursive: true, force: true }));

const node = (...args: string[]): Promise<Ended> => execute(project, process.execPath, args);
const voc = (...args: string[]): Promise<Ended> => node('node_modules/voc-seeds/bin/voc-seeds.js', ...args);

/** Type checks programs in the project with the compiler of this repository, the declarations of all packages included. */
async function problemsOf(options: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = await mkdtemp(join(project, 'types-'));
  await writeFile(join(folder, 'package.json'), '{"type": "module"}');
  await writeFile(join(folder, 'program.ts'), TYPED_PROGRAM);
  await writeFile(join(folder, 'common.cts'), TYPED_COMMONJS);
  const compilerOptions = {
    target: 'ES2022', module: 'NodeNext', strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false, noEmit: true,
    ...options,
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts', 'common.cts'] }));
  return (await node(join(repository, 'node_modules/typescript/bin/tsc'), '-p', folder)).stdout;
}

describe('installed in another project', () => {
  it('runs as a command', installed(async () => {
    const { code, stdout, stderr } = await execute(project, 'npx', ['--no-install', 'voc-seeds', '--version']);
    expect([code, stdout.trim(), stderr]).toEqual([0, '0.1.0', '']);
  }));

  it('brings what the commands need: the classifier, presets, kernels, and the page of the report', installed(async () => {
    await writeFile(join(project, 'list.txt'), 'cat_on_floor\n');
    const made = await voc('generate', '--voc-root', join(repository, 'data/sample'), '--split', 'list.txt', '--labels', 'xml', '--out', 'seeds', '--workers', '1');
    expect([made.code, made.stderr.replace(/\r.*$/gm, '')]).toEqual([0, expect.any(String)]);
    const { data } = await readMask(join(project, 'seeds/SegmentationClass/cat_on_floor.png'));
    // VOC's label of cats is 8.
    expect([...new Set(data)].sort()).toEqual([0, 8]);
    const { code } = await voc('report', '--run', 'seeds', '--out', 'report.html');
    expect([code, (await stat(join(project, 'report.html'))).size > 10_000]).toEqual([0, true]);
  }));

  it('is imported by ES modules', installed(async () => {
    await writeFile(join(project, 'module.mjs'), MODULE_PROGRAM);
    const { code, stdout, stderr } = await node('--no-warnings', 'module.mjs');
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual({
      version: '0.1.0', manifest: '0.1.0', classes: 20, runtime: 'onnxruntime', description: expect.stringMatching(/^onnxruntime 1\.\d+\.\d+ \(cpu\)$/),
    });
  }));

  it('is required by CommonJS, or Node says what to do instead', installed(async () => {
    await writeFile(join(project, 'common.cjs'), COMMONJS_PROGRAM);
    const { code, stdout, stderr } = await node('common.cjs');
    if ((process.features as { require_module?: boolean }).require_module === true) {
      expect([code, stderr]).toEqual([0, '']);
      expect(JSON.parse(stdout)).toEqual({ version: '0.1.0', first: 'aeroplane', size: { kind: 'fixed', size: [2, 3] } });
    } else {
      expect(stderr).toContain('dynamic import() which is available in all CommonJS modules');
    }
  }));

  it('has types for strict programs that check the declarations of libraries, too', installed(async () => {
    const typeRoots = [join(repository, 'node_modules/@types')];
    // Without the types of Node, and with them but without those of browsers.
    expect(await problemsOf({})).toBe('');
    expect(await problemsOf({ lib: ['ES2022'], types: ['node'], typeRoots })).toBe('');
  }), 300_000);

  it('tells of TensorFlow whose install script did not run, instead of trying to load it', installed(async () => {
    const folder = join(project, 'node_modules/@tensorflow/tfjs-node-gpu');
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'package.json'), '{"name": "@tensorflow/tfjs-node-gpu", "version": "4.22.0", "main": "index.js"}');
    await writeFile(join(folder, 'index.js'), 'throw new Error("it was loaded")');
    await writeFile(join(project, 'gpu.mjs'), `
      import { openRuntime } from 'voc-seeds';
      const { message, hint } = await openRuntime({ runtime: 'tfjs', device: 'gpu' }).catch((error) => error);
      const { choice } = await openRuntime({ runtime: 'auto' });
      console.log(JSON.stringify({ message, hint, choice }));
    `);
    expect(JSON.parse((await node('gpu.mjs')).stdout)).toEqual({
      message: '@tensorflow/tfjs-node-gpu is installed without its native library, because its install script did not run',
      hint: 'npm rebuild @tensorflow/tfjs-node-gpu --ignore-scripts=false', choice: { runtime: 'ort', device: 'cpu' },
    });
  }));
});
