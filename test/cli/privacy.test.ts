import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workerUrl } from '../../src/jobs/workers/worker-url.js';
import { makeDevkit } from '../pipeline/tiny.js';
import type { TinyDevkit } from '../pipeline/tiny.js';
import type { Ended } from './program.js';
import { startNode, startProgram } from './program.js';

const entry = (name: string): string => JSON.stringify(workerUrl(`../../dist/${name}.js`, import.meta.url).href);
const variable = 'ORT_DISABLE_TELEMETRY';
let devkit: TinyDevkit;
let folder: string;
let base: string[];
let count = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-privacy-'));
  const classes = ['boat', 'cow'];
  devkit = await makeDevkit(Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`p${i}`, [60, 40, [classes[i % 2]]] as const])));
  base = ['--voc-root', devkit.root, '--split', 'train', '--labels', 'xml'];
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await rm(devkit.folder, { recursive: true });
});

/** Empty folders for all that a process may want to write to without being told. */
interface Places {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** What lies in them now. */
  files(): Promise<string[]>;
}

async function emptyPlaces(environment: NodeJS.ProcessEnv = {}): Promise<Places> {
  const root = join(folder, `places-${count++}`);
  const names = ['home', 'cache', 'config', 'data', 'state', 'runtime', 'tmp', 'cwd'];
  for (const name of names) await mkdir(join(root, name), { recursive: true });
  const [home, cache, config, data, state, runtime, tmp, cwd] = names.map((name) => join(root, name));
  const env = {
    ...process.env, HOME: home, USERPROFILE: home, XDG_CACHE_HOME: cache, XDG_CONFIG_HOME: config, XDG_DATA_HOME: data, XDG_STATE_HOME: state,
    XDG_RUNTIME_DIR: runtime, TMPDIR: tmp, TMP: tmp, TEMP: tmp, [variable]: undefined, ...environment,
  };
  const files = async (): Promise<string[]> => {
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)).sort();
  };
  return { env, cwd, files };
}

async function runIn({ env, cwd }: Places, ...argv: string[]): Promise<Ended> {
  const ended = await startProgram(argv, { env, cwd }).ended;
  expect(ended.code, ended.stderr).toBe(0);
  return ended;
}

describe('a run writes nothing but its results', () => {
  it('generate', async () => {
    const places = await emptyPlaces();
    const out = join(folder, 'seeds');
    await runIn(places, 'generate', ...base, '--out', out, '--save-cams', '--workers', '2');
    expect(await places.files()).toEqual([]);
    expect((await readdir(join(out, 'SegmentationClass'))).length).toBe(12);
  });

  it('cam', async () => {
    const places = await emptyPlaces();
    const out = join(folder, 'heat');
    await runIn(places, 'cam', join(devkit.root, 'JPEGImages/p0.jpg'), '--class', 'boat', '--out', out);
    expect(await places.files()).toEqual([]);
    expect(await readdir(out)).toEqual(['p0-boat.png']);
  });

  it('doctor, and the processes that it starts', async () => {
    const places = await emptyPlaces();
    await runIn(places, 'doctor');
    expect(await places.files()).toEqual([]);
  });

  it('train --mode head, whose features go to the cache', async () => {
    const places = await emptyPlaces();
    const out = join(folder, 'head.onnx');
    await runIn(places, 'train', '--mode', 'head', '--backbone', devkit.model, ...base, '--folds', '2', '--input-sizes', 'short:64', '--out', out);
    expect(await places.files()).toEqual([expect.stringMatching(/^cache\/voc-seeds\/features-[0-9a-f]+\.f32$/)]);
  });
});

/** Runs a module that prints JSON. */
async function answerOf(places: Places, module: string): Promise<unknown> {
  const file = join(places.cwd, '..', 'module.mjs');
  await writeFile(file, module);
  const { code, stdout, stderr } = await startNode([file], { env: places.env, cwd: places.cwd }).ended;
  await rm(file);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

/** A module that makes a session of ONNX Runtime, which is when its telemetry begins. */
const session = (): string => `import { openRuntime } from ${entry('index')};
import { readModel, serializeModel } from ${entry('entries/onnx')};
const { runtime } = await openRuntime({ runtime: 'ort' });
await runtime.load(serializeModel(await readModel(${JSON.stringify(devkit.model)})), { threads: 1 });`;

describe('the library', () => {
  it.runIf(process.platform === 'linux')('loads no native ONNX Runtime when it is imported, only when it is used', async () => {
    const answer = await answerOf(await emptyPlaces(), `
      import { readFileSync } from 'node:fs';
      const isLoaded = () => readFileSync('/proc/self/maps', 'utf8').includes('onnxruntime');
      const { openRuntime } = await import(${entry('index')});
      const [{ ortRuntime }] = await Promise.all([${['runtime', 'cam', 'train', 'import', 'metrics', 'onnx'].map((name) => `import(${entry(`entries/${name}`)})`).join(', ')}]);
      const imported = [isLoaded(), process.env.${variable} ?? null, /^\\d+\\.\\d+\\.\\d+/.test(ortRuntime.version)];
      await openRuntime({ runtime: 'ort' });
      console.log(JSON.stringify([...imported, isLoaded(), process.env.${variable}]));`);
    expect(answer).toEqual([false, null, true, true, '1']);
  });

  it('leaves a setting of the user alone, whatever it is', async () => {
    // The library is loaded, but no session made: telemetry would begin with it.
    for (const value of ['0', '', 'no']) {
      const answer = await answerOf(await emptyPlaces({ [variable]: value }), `
        import { openRuntime } from ${entry('index')};
        await openRuntime({ runtime: 'ort' });
        console.log(JSON.stringify(process.env.${variable}));`);
      expect(answer).toBe(value);
    }
  });

  it('switches CUDA\'s short mantissas off, but not if the user has asked for them', async () => {
    for (const [given, expected] of [[undefined, '0'], ['1', '1']]) {
      const answer = await answerOf(await emptyPlaces({ NVIDIA_TF32_OVERRIDE: given }), `
        import { Worker } from 'node:worker_threads';
        const module = ${JSON.stringify(`${session()}\nimport { parentPort } from 'node:worker_threads';\nparentPort.postMessage(process.env.NVIDIA_TF32_OVERRIDE);`)};
        const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(module)));
        const said = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
        await worker.terminate();
        console.log(JSON.stringify([said, process.env.NVIDIA_TF32_OVERRIDE]));`);
      expect(answer).toEqual([expected, expected]);
    }
  });

  it('switches telemetry off for the whole process from a worker thread that alone uses it', async () => {
    const places = await emptyPlaces();
    const answer = await answerOf(places, `
      import { Worker } from 'node:worker_threads';
      const module = ${JSON.stringify(`${session()}\nimport { parentPort } from 'node:worker_threads';\nparentPort.postMessage('done');`)};
      const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(module)));
      const said = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      await worker.terminate();
      console.log(JSON.stringify([said, process.env.${variable}]));`);
    expect(answer).toEqual(['done', '1']);
    expect(await places.files()).toEqual([]);
  });

  it('hands on what a worker thread has set in its own copy of the environment', async () => {
    const places = await emptyPlaces();
    const answer = await answerOf(places, `
      import { Worker } from 'node:worker_threads';
      const module = ${JSON.stringify(`${session()}\nimport { parentPort } from 'node:worker_threads';\nparentPort.postMessage(process.env.${variable});`)};
      const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(module)), { env: { ...process.env, ${variable}: 'true' } });
      const said = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      await worker.terminate();
      console.log(JSON.stringify([said, process.env.${variable}]));`);
    expect(answer).toEqual(['true', 'true']);
    expect(await places.files()).toEqual([]);
  });
});
