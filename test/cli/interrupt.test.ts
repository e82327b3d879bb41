import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { writeMask } from '../../src/datasets/masks.js';
import { annotation, makeDevkit, photograph, writeSplit } from '../pipeline/tiny.js';
import type { TinyDevkit } from '../pipeline/tiny.js';
import type { Ended } from './program.js';
import { startProgram } from './program.js';

// Many processes one after the other: on a busy machine each takes seconds to start.
vi.setConfig({ testTimeout: 240_000 });

const names = Array.from({ length: 40 }, (_, i) => `m${String(i).padStart(2, '0')}`);
let devkit: TinyDevkit;
let folder: string;
let base: string[];

beforeAll(async () => {
  devkit = await makeDevkit({ first: [40, 30, ['boat']] });
  ({ folder } = devkit);
  const picture = await photograph(20, 500, 375);
  await mkdir(join(devkit.root, 'SegmentationClass'));
  const data = Uint8Array.from({ length: 500 * 375 }, (_, i) => (i % 500 < 200 ? 8 : 0));
  for (const [i, id] of names.entries()) {
    await writeFile(join(devkit.root, 'JPEGImages', `${id}.jpg`), picture);
    await writeFile(join(devkit.root, 'Annotations', `${id}.xml`), annotation(i % 2 === 0 ? ['dog', 'cat'] : ['boat']));
    await writeMask(join(devkit.root, 'SegmentationClass', `${id}.png`), { width: 500, height: 375, data }, 'palette');
  }
  await writeSplit(devkit.root, 'many', names);
  base = ['--voc-root', devkit.root, '--split', 'many', '--labels', 'xml'];
});
afterAll(() => rm(folder, { recursive: true }));

const filesIn = async (out: string): Promise<string[]> => (await readdir(out, { recursive: true }).catch(() => [])).sort();

/** Presses Ctrl-C twice once the command has written so many files, or said so. */
async function interruptedTwice(argv: readonly string[], out: string, moment: number | string, second: NodeJS.Signals = 'SIGINT'): Promise<Ended> {
  const program = startProgram(argv);
  let running = true;
  void program.ended.then(() => { running = false; });
  if (typeof moment === 'string') await program.says(moment);
  else while (running && (await filesIn(out)).filter((name) => !name.endsWith('.tmp')).length < moment) await sleep(10);
  program.process.kill('SIGINT');
  await program.says('interrupted');
  program.process.kill(second);
  const ended = await program.ended;
  expect((await filesIn(out)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  return ended;
}

async function expectPicturesToBeWhole(out: string): Promise<void> {
  for (const name of (await filesIn(out)).filter((each) => each.endsWith('.png'))) await sharp(join(out, name), { failOn: 'warning' }).stats();
}

describe('a second Ctrl-C ends with 130, leaves no half-written file, and the run resumes', () => {
  it('generate', async () => {
    const argv = (out: string): string[] => [
      'generate', ...base, '--config', 'paper', '--model', devkit.model, '--input-size', 'short:320', '--save-cams', '--workers', '2', '--out', out,
    ];
    const [whole, out] = [join(folder, 'whole'), join(folder, 'parts')];
    expect((await startProgram(argv(whole)).ended).code).toBe(0);
    // The moment: when worker threads are being started, and when they are at work.
    for (const [moment, second] of [['runtime:', 'SIGINT'], [6, 'SIGINT'], [30, 'SIGTERM']] as const) {
      const { code, signal, stderr } = await interruptedTwice(argv(out), out, moment, second);
      expect([code, signal], stderr).toEqual([130, null]);
      expect(stderr).not.toMatch(/^\s+at /m);
      await expectPicturesToBeWhole(out);
    }
    expect((await startProgram(argv(out)).ended).code).toBe(0);
    for (const part of ['SegmentationClass', 'cams', 'ImageSets/Segmentation']) {
      expect(await filesIn(join(out, part))).toEqual(await filesIn(join(whole, part)));
      for (const name of await filesIn(join(whole, part))) {
        expect((await readFile(join(out, part, name))).equals(await readFile(join(whole, part, name)))).toBe(true);
      }
    }
  });

  it('ablate', async () => {
    const argv = (out: string): string[] => [
      'ablate', ...base, '--model', devkit.model, '--input-size', 'short:320', '--layers', '/16,/32', '--fuse', 'max', '--bootstrap', '0', '--workers', '2', '--out', out,
    ];
    const [whole, out] = [join(folder, 'ablation'), join(folder, 'ablation-parts')];
    expect((await startProgram(argv(whole)).ended).code).toBe(0);
    for (const moment of ['runtime:', 8]) {
      const { code, signal, stderr } = await interruptedTwice(argv(out), out, moment);
      expect([code, signal], stderr).toEqual([130, null]);
    }
    expect((await startProgram(argv(out)).ended).code).toBe(0);
    for (const name of names) {
      const record = join('images', `${name}.bin`);
      expect((await readFile(join(out, record))).equals(await readFile(join(whole, record)))).toBe(true);
    }
  });

  it('report', async () => {
    const out = join(folder, 'report');
    const { code, signal, stderr } = await interruptedTwice(['report', '--run', join(folder, 'whole'), '--folder', '--workers', '2', '--out', out], out, 4);
    expect([code, signal], stderr).toEqual([130, null]);
    expect(await filesIn(out)).not.toContain('index.html');
  });

  it('train --mode full', async () => {
    const out = join(folder, 'full.onnx');
    const work = join(folder, 'full');
    const { code, signal, stderr } = await interruptedTwice([
      'train', '--mode', 'full', '--backbone', devkit.model, '--voc-root', devkit.root, '--split', 'many', '--labels', 'xml', '--crop', '96', '--resize', '96,128',
      '--batch-size', '8', '--epochs', '50', '--workers', '1', '--threads', '2', '--out', out, '--work', work, '--cache', join(folder, 'cache'),
    ], folder, 'checkpoints and curves');
    expect([code, signal], stderr).toEqual([130, null]);
    expect(await filesIn(folder)).not.toContain('full.onnx');
  });
});

describe('one Ctrl-C ends a command that has nothing to resume, without an abort', () => {
  it('train --mode head, while it computes features', async () => {
    const program = startProgram([
      'train', '--mode', 'head', '--backbone', devkit.model, ...base, '--input-sizes', 'short:320,short:480', '--workers', '2', '--cache', join(folder, 'cache-head'),
      '--out', join(folder, 'head.onnx'),
    ]);
    await program.says('runtime:');
    await sleep(300);
    program.process.kill('SIGINT');
    const { code, signal } = await program.ended;
    // By the handler, or by the signal itself before there are workers: a shell shows 130 for both.
    expect([130, 'SIGINT']).toContain(code ?? signal);
    expect((await filesIn(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('eval', async () => {
    const root = join(folder, 'scored');
    await cp(join(devkit.root, 'SegmentationClass'), join(root, 'masks'), { recursive: true });
    const large = join(root, 'masks', 'large.png');
    await writeMask(large, { width: 5000, height: 5000, data: new Uint8Array(5000 * 5000).map((_, i) => (i * 7919) % 21) }, 'palette');
    for (let i = 0; i < 30; i++) await cp(large, join(root, 'masks', `large${i}.png`));
    const program = startProgram(['eval', '--gt', join(root, 'masks'), '--pred', join(root, 'masks'), '--workers', '2']);
    await sleep(2500);
    program.process.kill('SIGINT');
    const { code, signal, stderr } = await program.ended;
    expect([130, 'SIGINT'], stderr).toContain(code ?? signal);
  });
});
