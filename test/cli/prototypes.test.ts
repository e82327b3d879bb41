import { createHash } from 'node:crypto';
import { copyFile, cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodePrototypes } from '../../src/classifier/prototype-file.js';
import { readModel } from '../../src/onnx/file/read.js';
import type { PrototypeReport } from '../../src/prototypes/fit.js';
import { makeDevkit, tinySpec, writeTinyClassifier } from '../pipeline/tiny.js';
import type { TinyDevkit } from '../pipeline/tiny.js';
import { messageOf, run } from './terminal.js';

let devkit: TinyDevkit;
let file: string;
let count = 0;
const fresh = (ending = ''): string => join(devkit.folder, `out-${count++}${ending}`);
const data = (): string[] => ['--voc-root', devkit.root, '--split', 'train', '--labels', 'xml', '--model', devkit.model];
const fit = (...argv: string[]) => run('prototypes', ...data(), '--input-size', 'short:96', '--cache', join(devkit.folder, 'cache'), '--workers', '1', '--centres', '4', ...argv);
const hashOf = async (path: string): Promise<string> => createHash('sha256').update(await readFile(path)).digest('hex');

beforeAll(async () => {
  devkit = await makeDevkit({
    a: [120, 90, ['dog']], b: [90, 120, ['dog', 'cat']], c: [100, 100, ['cat']], d: [140, 96, ['dog']], e: [96, 96, []],
  });
  file = fresh('.npz');
  const { code, stderr } = await fit('--layers', '/8,/16', '--out', file);
  expect(code, stderr).toBe(0);
});
afterAll(() => rm(devkit.folder, { recursive: true }));

describe('prototypes', () => {
  it('have as many centres as asked for, of length 1, and say what they were made of', async () => {
    const { info, layers } = decodePrototypes(await readFile(file));
    expect(info).toMatchObject({
      model: await hashOf(devkit.model), classes: tinySpec.classes, positions: 60, centres: 4, positive: 0.6, seed: 0, photographs: 4, inputSize: 'short:96',
    });
    expect(layers).toHaveLength(2);
    for (const { centres, channels, logits, members, scores, positive } of layers) {
      // cat and dog: the logits 7 and 11.
      expect([...logits]).toEqual([7, 7, 7, 7, 11, 11, 11, 11]);
      expect(centres).toHaveLength(8 * channels);
      for (let i = 0; i < 8; i++) expect(Math.hypot(...centres.subarray(i * channels, (i + 1) * channels))).toBeCloseTo(1, 5);
      expect(scores.every((score) => score >= 0 && score <= 1)).toBe(true);
      for (const start of [0, 4]) {
        const best = Math.max(...scores.subarray(start, start + 4));
        const expected = [...scores.subarray(start, start + 4)].map((score) => (score >= 0.6 * best ? 1 : 0));
        expect([...positive.subarray(start, start + 4)]).toEqual(expected);
      }
      expect(members.reduce((sum, own) => sum + own, 0)).toBeLessThanOrEqual(5 * 60);
      expect(Math.min(...members)).toBeGreaterThan(0);
    }
    // At /8 every photograph has more than 60 cells; two show a cat and three a dog. (Cells that are zero in all channels do not count.)
    expect(layers[0].members.subarray(0, 4).reduce((sum, own) => sum + own, 0)).toBe(120);
    expect(layers[0].members.subarray(4).reduce((sum, own) => sum + own, 0)).toBe(180);
  });

  it('are the same file with two workers, a new cache and a copy of the photographs', async () => {
    const out = fresh('.npz');
    const elsewhere = fresh();
    await cp(devkit.root, elsewhere, { recursive: true });
    expect((await fit('--voc-root', elsewhere, '--layers', '/8,/16', '--workers', '2', '--cache', fresh(), '--out', out)).code).toBe(0);
    expect(await hashOf(out)).toBe(await hashOf(file));
    const other = fresh('.npz');
    expect((await fit('--layers', '/8,/16', '--seed', '1', '--out', other)).code).toBe(0);
    expect(await hashOf(other)).not.toBe(await hashOf(file));
  });

  it('report classes, centres and failures', async () => {
    const broken = await makeDevkit({ a: [120, 90, ['dog']], x: [90, 90, ['cow']] });
    await writeFile(join(broken.root, 'JPEGImages/x.jpg'), 'not a photograph');
    const { code, stdout } = await run('prototypes', '--voc-root', broken.root, '--split', 'train', '--labels', 'xml', '--model', broken.model, '--cache', fresh(), '--out', fresh('.npz'), '--centres', '2', '--json');
    await rm(broken.folder, { recursive: true });
    expect(code).toBe(2);
    const report = JSON.parse(stdout) as PrototypeReport;
    expect(report.photographs).toBe(1);
    expect(report.layers).toMatchObject([{ stride: 32, classes: { dog: { photographs: 1, centres: 2 } } }]);
    expect(report.absent).toHaveLength(19);
    expect(report.failures).toMatchObject([{ id: expect.stringContaining('x.jpg') as string }]);
    const text = await fit('--out', fresh('.npz'));
    expect(text.stdout).toContain('prototypes of 2 classes, fitted to 4 photographs');
    expect(text.stdout).toContain('18 classes have no prototypes, because no photograph shows them: aeroplane;');
  });

  it('are refused with a guide that does not work, and without photographs', async () => {
    expect(messageOf(await fit('--out', fresh('.npz'), '--guide', '/32@score-cam'))).toContain('score-cam cannot guide prototypes');
    expect(messageOf(await fit('--out', fresh('.npz'), '--layers', '/64'))).toContain('no feature layer at stride 64');
    expect(messageOf(await fit('--out', fresh('.npz'), '--ids', 'e'))).toContain('shows a class');
    expect(messageOf(await fit())).toContain('--out');
  });
});

describe('a list of photographs with one class each', () => {
  const listed = (list: string, ...argv: string[]) => run('prototypes', '--model', devkit.model, '--input-size', 'short:96', '--cache', join(devkit.folder, 'cache'), '--workers', '1', '--centres', '4', '--list', list, ...argv);

  it('gives the prototypes of the same photographs with labels', async () => {
    const [list, out, same] = [fresh('.txt'), fresh('.npz'), fresh('.npz')];
    // By name and by the index of the logit, which is 11 for dogs.
    await writeFile(list, ['a.jpg dog', 'c.jpg cat', 'd.jpg 11', ''].join('\n'));
    const { code, stderr } = await listed(list, '--images', join(devkit.root, 'JPEGImages'), '--out', out);
    expect(code, stderr).toBe(0);
    expect((await fit('--ids', 'a,c,d', '--out', same)).code).toBe(0);
    expect(await hashOf(out)).toBe(await hashOf(same));
  });

  it('has failures and missing photographs', async () => {
    const list = fresh('.txt');
    await writeFile(list, ['a.jpg dog', 'c.jpg unicorn', 'z.jpg cat', ''].join('\n'));
    const { code, stdout, stderr } = await listed(list, '--images', join(devkit.root, 'JPEGImages'), '--out', fresh('.npz'), '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ photographs: 1, missing: 1, failures: [{ id: 'c', reason: expect.stringContaining('unicorn') as string }] });
    expect(stderr).toContain('1 is missing');
    expect(messageOf(await listed(list, '--out', fresh('.npz')))).toContain('can be used');
    expect(messageOf(await listed(list, '--split', 'train', '--out', fresh('.npz')))).toContain('--list and --split');
  });
});

describe('commands with --prototypes', () => {
  const generate = (...argv: string[]) => run('generate', ...data(), '--input-size', 'short:96', '--refine', 'none', '--workers', '1', '--layers', '/8,/16@prototype-cam', ...argv);

  it('make seeds; another file of prototypes is another run', async () => {
    const out = fresh();
    const first = await generate('--prototypes', file, '--out', out, '--scales', '1,1.5', '--flip', '--json');
    expect(first.code, first.stderr).toBe(0);
    expect((JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as { settings: { prototypes: string } }).settings.prototypes).toBe(await hashOf(file));
    const copy = fresh('.npz');
    await copyFile(file, copy);
    const again = await generate('--prototypes', copy, '--out', out, '--scales', '1,1.5', '--flip', '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({ counts: { written: 0, resumed: 5 } });
    const other = fresh('.npz');
    expect((await fit('--layers', '/8,/16', '--positive', '0.9', '--seed', '3', '--out', other)).code).toBe(0);
    expect(messageOf(await generate('--prototypes', other, '--out', out, '--scales', '1,1.5', '--flip'))).toContain('other settings');
  });

  it('say what is missing before the run starts', async () => {
    const out = fresh();
    expect(messageOf(await generate('--out', out))).toContain('needs prototypes');
    expect(messageOf(await generate('--prototypes', file, '--out', out, '--layers', '/32@prototype-cam'))).toMatch(/have none at the layer .*, only at /);
    expect(messageOf(await generate('--prototypes', fresh('.npz'), '--out', out))).toContain('do not exist');
    const text = fresh('.npz');
    await writeFile(text, 'text');
    expect(messageOf(await generate('--prototypes', text, '--out', out))).toContain('cannot read the prototypes');
    const { code, stderr } = await generate('--prototypes', file, '--out', out, '--layers', '/8', '--limit', '1');
    expect(code).toBe(0);
    expect(stderr).toContain('note: --prototypes has no effect here; it needs --method prototype-cam');
  });

  it('refuse prototypes of another classifier, other classes and another preprocessing', async () => {
    const other = fresh('.onnx');
    await writeTinyClassifier(other, { silent: 3 });
    const refused = async (...argv: string[]): Promise<string> => messageOf(await generate('--prototypes', file, '--out', fresh(), ...argv));
    expect(await refused('--model', other)).toContain('were made for another classifier');
    const names = fresh('.txt');
    await writeFile(names, tinySpec.classes.map((name) => (name === 'dog' ? 'hound' : name)).join('\n'));
    expect(await refused('--classes', names)).toContain('class 11 is \'hound\', but \'dog\' in the prototypes');
    expect(await refused('--channel-order', 'rgb')).toContain('another preprocessing');
  });

  it('fail images whose class has no prototypes, and no others', async () => {
    const some = fresh('.npz');
    expect((await fit('--ids', 'a,d', '--layers', '/16', '--out', some)).code).toBe(0);
    const { code, stdout } = await generate('--prototypes', some, '--out', fresh(), '--json');
    expect(code).toBe(2);
    const summary = JSON.parse(stdout) as { counts: object; failures: { id: string; reason: string }[] };
    expect(summary.counts).toMatchObject({ written: 3, failed: 2 });
    expect(summary.failures.map(({ id }) => id).sort()).toEqual(['b', 'c']);
    expect(summary.failures[0].reason).toContain('have none of the class \'cat\'');
  });

  it('work in cam, model cam-program and the plan of ablate', async () => {
    const photo = join(devkit.root, 'JPEGImages/a.jpg');
    const shown = await run('cam', photo, '--model', devkit.model, '--prototypes', file, '--layers', '/16@prototype-cam', '--class', 'dog', '--out', fresh(), '--json');
    expect(shown.code, shown.stderr).toBe(0);
    const program = fresh('.onnx');
    const written = await run('model', 'cam-program', program, '--model', devkit.model, '--prototypes', file, '--layers', '/16@prototype-cam');
    expect(written.code, written.stderr).toBe(0);
    expect((await readModel(program)).metadata.get('cam_prototypes')).toBe(await hashOf(file));
    const plan = await run('ablate', ...data(), '--prototypes', file, '--layers', '/8', '--layers', '/16@prototype-cam', '--plan');
    expect(plan.code, plan.stderr).toBe(0);
    expect(plan.stdout).toContain('/16@prototype-cam');
  });
});
