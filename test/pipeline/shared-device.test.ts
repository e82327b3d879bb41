import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { loadClassifier } from '../../src/classifier/load.js';
import { openDevkit } from '../../src/datasets/devkit.js';
import { xmlLabels } from '../../src/datasets/labels/xml.js';
import { readSplit } from '../../src/datasets/splits.js';
import { defaultModelPath } from '../../src/package.js';
import { generateSeeds } from '../../src/pipeline/generate.js';
import type { GenerateOptions } from '../../src/pipeline/generate.js';
import { DeviceThread } from '../../src/runtime/shared/device-thread.js';
import { seedSettings } from '../../src/settings/cam.js';
import type { SeedSettings } from '../../src/settings/cam.js';
import { loadStudent } from '../../src/student/load.js';
import { startNode } from '../cli/program.js';
import { repository } from '../helpers.js';
import { writeTinyStudent } from '../student/tiny.js';
import { makeDevkit } from './tiny.js';
import type { TinyDevkit } from './tiny.js';

const sample = join(repository, 'data/sample');
const settings = z.object(seedSettings).parse({ inputSize: 'short:96', threshold: 0.3, flip: true });

let devkit: TinyDevkit;
beforeAll(async () => { devkit = await makeDevkit(Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`p${i}`, [i % 3 === 0 ? 120 : 90, 90, ['dog', 'cat']]]))); });
afterAll(() => rm(devkit.folder, { recursive: true }));

type Way = Partial<Pick<GenerateOptions, 'workers' | 'share' | 'batch' | 'runtime' | 'student' | 'saveCams' | 'agree'>>;

/** The files that a run writes, by folder and name; no journal and no record, in which times differ. */
async function filesOf(
  name: string, root: string, model: string, own: SeedSettings, { saveCams = false, ...way }: Way,
): Promise<Record<string, Buffer>> {
  const out = join(devkit.folder, name);
  const opened = await openDevkit(root);
  const { items } = await readSplit(opened, root === sample ? 'sample' : 'train');
  const summary = await generateSeeds({
    classifier: await loadClassifier(model), settings: own, items, missing: [], labels: await xmlLabels({ devkit: opened }), split: 'train', out,
    format: 'palette', saveCams, resume: false, ...way,
  });
  expect(summary.failures).toEqual([]);
  expect(summary.counts.written).toBe(items.length);
  const folders = (await readdir(out, { withFileTypes: true })).filter((entry) => entry.isDirectory() && entry.name !== 'ImageSets');
  const files: Record<string, Buffer> = {};
  for (const folder of folders) {
    for (const file of await readdir(join(out, folder.name))) files[`${folder.name}/${file}`] = await readFile(join(out, folder.name, file));
  }
  return files;
}

const tiny = (name: string, way: Way): Promise<Record<string, Buffer>> => filesOf(name, devkit.root, devkit.model, settings, way);

describe('workers that share a device', () => {
  it('write the files of workers with sessions of their own, byte for byte', async () => {
    const separate = await tiny('separate', { workers: 2, saveCams: true });
    expect(Object.keys(separate)).toHaveLength(18);
    expect(await tiny('shared-1', { workers: 1, share: true, saveCams: true })).toEqual(separate);
    expect(await tiny('shared-3', { workers: 3, share: true, saveCams: true })).toEqual(separate);
  });

  it('write the same seeds in batches', async () => {
    const separate = await tiny('batch-separate', { workers: 1, batch: 4 });
    expect(await tiny('batch-shared-1', { workers: 1, share: true, batch: 4 })).toEqual(separate);
    expect(await tiny('batch-shared-3', { workers: 3, share: true, batch: 4 })).toEqual(separate);
  });

  it('also run several networks of a photograph', async () => {
    const path = join(devkit.folder, 'student.onnx');
    await writeTinyStudent(path);
    const student = { student: await loadStudent(path), settings: { camWeight: 0.5, studentScales: [1], studentFlip: true, studentRefine: 'none' } };
    const agree = [{ ...settings, method: 'hires-cam' } as const];
    const separate = await tiny('student-separate', { workers: 2, student, agree });
    expect(await tiny('student-shared', { workers: 3, share: true, student, agree })).toEqual(separate);
  });

  it('also share a backend of TensorFlow.js', async () => {
    const runtime = { runtime: 'tfjs', device: 'wasm' } as const;
    const separate = await tiny('tfjs-separate', { workers: 1, runtime, saveCams: true });
    expect(await tiny('tfjs-shared', { workers: 3, share: true, runtime, saveCams: true })).toEqual(separate);
  });

  it('end the run with a message if the thread of the device ends', async () => {
    const connect = vi.spyOn(DeviceThread.prototype, 'connect');
    onTestFinished(() => { connect.mockRestore(); });
    const opened = await openDevkit(devkit.root);
    const { items } = await readSplit(opened, 'train');
    const many = Array.from({ length: 40 }, (_, i) => items.map((item) => ({ ...item, id: `${item.id}-${i}` }))).flat();
    const run = generateSeeds({
      classifier: await loadClassifier(devkit.model), settings, items: many, missing: [], split: 'train', out: join(devkit.folder, 'ended'),
      labels: { name: 'dogs', labels: () => Promise.resolve([12]) }, format: 'palette', saveCams: false, resume: false, workers: 2, share: true,
      onProgress: (done) => {
        // No port: an error that nothing catches.
        if (done === 3) (connect.mock.contexts[0] as DeviceThread).thread!.postMessage({});
      },
    });
    await expect(run).rejects.toThrow('the thread that runs the networks on the device \'cpu\' has ended');
  });

  it('stop at a safe point when they are interrupted twice', async () => {
    const out = join(devkit.folder, 'interrupted');
    // The command line's own devices are accelerators, which a test cannot expect.
    const program = startNode(['--input-type=module', '-e', `
      import { createLabelSource, generateSeeds, loadClassifier, openDevkit, readSplit } from './dist/index.js';
      import { takeSignals, watchInterrupt } from './dist/jobs/stop/interrupt.js';
      import { defaultModelPath } from './dist/package.js';
      const { settings, out } = JSON.parse(process.argv[1]);
      takeSignals();
      const watch = watchInterrupt(() => { process.kill(process.pid, 'SIGINT'); });
      const devkit = await openDevkit('data/sample');
      await generateSeeds({
        classifier: await loadClassifier(defaultModelPath()), settings, items: (await readSplit(devkit, 'sample')).items, missing: [],
        labels: await createLabelSource('xml', { devkit }), split: 'sample', out, format: 'palette', saveCams: false, resume: false,
        workers: 2, share: true, signal: watch.signal, onProgress: (done) => { if (done === 2) process.kill(process.pid, 'SIGINT'); },
      }).then(() => { process.stderr.write('to the end'); }, (error) => { if (error.name !== 'AbandonedError') throw error; });
    `, JSON.stringify({ settings: z.object(seedSettings).parse({}), out })], { cwd: repository });
    const { code, signal, stderr } = await program.ended;
    expect([code, signal], stderr).toEqual([130, null]);
    expect(stderr).not.toContain('to the end');
    expect((await readdir(out, { recursive: true })).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('make the same seeds of the sample with the bundled classifier', async () => {
    const own = z.object(seedSettings).parse({ inputSize: 'short:160' });
    const separate = await filesOf('sample-separate', sample, defaultModelPath(), own, { workers: 2 });
    expect(await filesOf('sample-shared', sample, defaultModelPath(), own, { workers: 3, share: true })).toEqual(separate);
  });
});
