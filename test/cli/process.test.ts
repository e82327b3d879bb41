import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { describeError } from '../../src/cli/text/report-error.js';
import { UserError } from '../../src/errors.js';
import { writeMask } from '../../src/datasets/masks.js';
import { repository } from '../helpers.js';
import { makeDevkit, writeSplit } from '../pipeline/tiny.js';
import type { TinyDevkit } from '../pipeline/tiny.js';
import { startProgram } from './program.js';
import { messageOf, run } from './terminal.js';

vi.setConfig({ testTimeout: 240_000 });

const program = join(repository, 'bin/voc-seeds.js');
const onUnix = process.platform !== 'win32';
let devkit: TinyDevkit;
let folder: string;
let base: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-process-'));
  devkit = await makeDevkit({ a: [60, 40, ['boat']], b: [40, 64, ['cow']], c: [50, 50, ['boat']], d: [44, 50, ['cow']] });
  const masks = join(devkit.root, 'SegmentationClass');
  await mkdir(masks);
  const sizes = { a: [60, 40], b: [40, 64], c: [50, 50], d: [44, 50], pipe: [50, 50] };
  for (const [id, [width, height]] of Object.entries(sizes)) await writeMask(join(masks, `${id}.png`), { width, height, data: new Uint8Array(width * height) }, 'palette');
  base = ['--voc-root', devkit.root, '--split', 'train', '--labels', 'xml'];
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await rm(devkit.folder, { recursive: true });
});

/** Runs the program in a shell, which redirects its output. */
function inShell(redirection: string, ...argv: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync('sh', ['-c', `"$@" ${redirection}`, 'sh', 'node', program, ...argv], { encoding: 'utf8' });
}

describe.runIf(existsSync('/dev/full'))('standard output that takes no more', () => {
  const full = 'error: cannot write to standard output: no space is left on the device\n';

  it.each([['--help'], ['eval', '--help'], ['generate', '--print-config'], ['labels', 'DEVKIT'], ['labels', 'DEVKIT', '--json']])('%s %s %s', (...words) => {
    const argv = words.flatMap((word) => (word === 'DEVKIT' ? base : [word]));
    expect(inShell('> /dev/full', ...argv)).toMatchObject({ status: 1, stderr: full });
  });

  it('eval and generate, which have done their work then', () => {
    const masks = join(devkit.root, 'SegmentationClass');
    expect(inShell('> /dev/full', 'eval', '--gt', masks, '--pred', masks)).toMatchObject({ status: 1, stderr: full });
    const out = join(folder, 'full');
    const { status, stderr } = inShell('> /dev/full', 'generate', ...base, '--model', devkit.model, '--out', out, '--json');
    expect(status).toBe(1);
    expect(stderr.split('\n').slice(-2).join('\n')).toBe(full);
    expect(existsSync(join(out, 'run.json'))).toBe(true);
  });

  it('does not pass for a success if a file took only the first part', () => {
    const file = join(folder, 'part.txt');
    // A file may have one block of 512 or 1024 bytes, as the shell counts; the help is longer.
    const { status, stderr } = inShell(`> ${file}`, 'generate', '--help');
    expect([status, stderr]).toEqual([0, '']);
    const limited = spawnSync('sh', ['-c', `ulimit -f 1; exec node ${program} generate --help > ${file}`], { encoding: 'utf8' });
    expect([limited.status, limited.stderr]).toEqual([1, 'error: cannot write to standard output: file too large\n']);
  });

  it('standard error that takes no more changes nothing', () => {
    const whole = inShell('', 'eval', '--gt', join(devkit.root, 'SegmentationClass'), '--pred', join(devkit.root, 'SegmentationClass'));
    const silent = inShell('2> /dev/full', 'eval', '--gt', join(devkit.root, 'SegmentationClass'), '--pred', join(devkit.root, 'SegmentationClass'));
    expect([silent.status, silent.stdout]).toEqual([0, whole.stdout]);
    expect(inShell('2> /dev/full', 'eval', '--gt', '/nowhere', '--pred', '/nowhere').status).toBe(1);
  });
});

it.runIf(onUnix)('a reader that has read enough is no error', () => {
  const { status, stderr } = spawnSync('bash', ['-c', `set -o pipefail; node ${program} generate --help | true`], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});

it.runIf(process.platform === 'linux')('a current folder that is gone is one line', async () => {
  const gone = join(folder, 'gone');
  await mkdir(gone);
  const { status, stdout, stderr } = spawnSync('sh', ['-c', `cd ${gone} && rmdir ${gone} && exec node ${program} labels "$@"`, 'sh', ...base], { encoding: 'utf8' });
  expect([status, stdout, stderr]).toEqual([1, '', 'error: the current folder no longer exists\ngo to another one (cd) and run the command again\n']);
  await rmdir(gone).catch(() => undefined);
});

describe('a place that cannot be written to is one line that names it', () => {
  it.each(['generate', 'ablate', 'report', 'cam', 'train', 'labels'])('%s', async (command) => {
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    await run('generate', ...base, '--model', devkit.model, '--out', join(folder, 'run'));
    const of: Record<string, (out: string) => string[]> = {
      generate: (out) => [...base, '--model', devkit.model, '--out', out],
      ablate: (out) => [...base, '--model', devkit.model, '--layers', '/16', '--fuse', 'max', '--out', out],
      report: (out) => ['--run', join(folder, 'run'), '--out', out],
      cam: (out) => [join(devkit.root, 'JPEGImages/a.jpg'), '--model', devkit.model, '--class', 'boat', '--out', out],
      train: (out) => ['--mode', 'head', '--backbone', devkit.model, ...base, '--folds', '2', '--cache', join(folder, 'cache'), '--out', join(out, 'x.onnx')],
      labels: (out) => [...base, '--out', join(out, 'x.txt')],
    };
    const places = [join(file, 'x'), '/dev/null/x', ...process.platform === 'linux' ? ['/proc/x', '/proc/self/x/y'] : []];
    for (const place of places) {
      const message = messageOf(await run(command, ...of[command](place)));
      expect(message).toMatch(new RegExp(`^error: cannot (write|create the folder) ${place}.*\\n[^\\n]+\\n$`, 'm'));
    }
  });
});

describe.runIf(onUnix)('a named pipe in place of a file', () => {
  let root: string;
  beforeAll(async () => {
    root = join(folder, 'piped');
    await cp(devkit.root, root, { recursive: true });
    spawnSync('mkfifo', [join(root, 'JPEGImages/pipe.jpg')]);
    await cp(join(root, 'Annotations/a.xml'), join(root, 'Annotations/pipe.xml'));
    await writeSplit(root, 'train', ['a', 'pipe', 'b', 'c', 'd']);
  });
  const reason = /pipe\.jpg is not a regular file/;

  it('generate and ablate: a failed image', async () => {
    for (const [command, ...flags] of [['generate'], ['ablate', '--layers', '/16', '--fuse', 'max']]) {
      const { code, stderr } = await startProgram([
        command, '--voc-root', root, '--split', 'train', '--labels', 'xml', '--model', devkit.model, '--out', join(folder, `piped-${command}`), '--json', ...flags,
      ]).ended;
      expect(code, stderr).toBe(2);
      const journal = await readFile(join(folder, `piped-${command}`, 'journal'), 'utf8');
      expect(journal.split('\n').find((line) => line.includes('"failed"'))).toMatch(reason);
    }
  });

  it('report: a problem of the gallery', async () => {
    const { code, stdout } = await startProgram(['report', '--run', join(folder, 'piped-generate'), '--voc-root', root, '--out', join(folder, 'piped-report'), '--json']).ended;
    expect([0, 2]).toContain(code);
    expect(stdout).toContain('"gallery"');
  });

  it('train: a failed photograph; cam, a backbone and a model: an error', async () => {
    const pipe = join(root, 'JPEGImages/pipe.jpg');
    const train = ['train', '--mode', 'head', '--voc-root', root, '--split', 'train', '--labels', 'xml', '--folds', '2', '--cache', join(folder, 'cache-pipe'), '--out', join(folder, 'piped.onnx')];
    const head = await startProgram([...train, '--backbone', devkit.model]).ended;
    expect(head.code, head.stderr).toBe(2);
    expect(head.stdout).toMatch(reason);
    for (const argv of [['cam', pipe, '--model', devkit.model], [...train, '--backbone', pipe], ['model', 'inspect', pipe]]) {
      const { code, stderr } = await startProgram(argv).ended;
      expect([code, stderr]).toEqual([1, expect.stringMatching(reason)]);
    }
  });
});

describe('what an error says', () => {
  it('is one line for errors of the system, with the path', () => {
    const error = (code: string, text: string, syscall: string, path?: string): Error => (
      Object.assign(new Error(`${code}: ${text}, ${syscall}${path === undefined ? '' : ` '${path}'`}`), { code, errno: -1, syscall, path }));
    expect(describeError(error('ENOENT', 'no such file or directory', 'open', 'a/b.txt'))).toBe('error: cannot open a/b.txt: no such file or directory\n');
    expect(describeError(error('EMFILE', 'too many open files', 'scandir', 'a'))).toBe('error: cannot list a: too many open files\n');
    expect(describeError(error('EIO', 'i/o error', 'read'))).toBe('error: cannot read: i/o error\n');
    expect(describeError(error('ENOSPC', 'no space left on device', 'write'))).toMatch(/^error: cannot write: no space is left on the device\n.+\n$/);
    expect(describeError(new UserError('what', 'how'))).toBe('error: what\nhow\n');
  });

  it('has a stack only if it is asked for', () => {
    const bug = new TypeError('x is not a function');
    expect(describeError(bug)).toMatch(/^error: TypeError: x is not a function\nThis is a bug in voc-seeds\..*VOC_SEEDS_STACK=1.*\n$/);
    vi.stubEnv('VOC_SEEDS_STACK', '1');
    expect(describeError(bug)).toMatch(/^error: TypeError: x is not a function\n {4}at /);
    vi.unstubAllEnvs();
  });
});
