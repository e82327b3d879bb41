import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isTemporaryName, removeLeftovers, temporaryName } from '../../../src/jobs/files/temporary.js';

let folder: string;
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-temporary-')); });
afterEach(() => rm(folder, { recursive: true }));

/** The number of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await new Promise((resolve) => { child.on('close', resolve); });
  return child.pid!;
}

const own = temporaryName('a.png');
const ofProcess = (pid: number, of = own): string => of.replace(`-${process.pid}-`, `-${pid}-`);
async function left(...files: readonly (readonly [name: string, minutes: number])[]): Promise<string[]> {
  for (const [name, minutes] of files) {
    await writeFile(join(folder, name), 'half');
    const time = Date.now() / 1000 - 60 * minutes;
    await utimes(join(folder, name), time, time);
  }
  await removeLeftovers(folder);
  return readdir(folder);
}

describe('removeLeftovers', () => {
  it('removes what processes of this machine left that are gone, and nothing that is still written', async () => {
    const running = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { stdio: 'ignore' });
    try {
      const [dead, alive] = [ofProcess(await deadPid()), ofProcess(running.pid!)];
      expect((await left([dead, 0], [alive, 5], [own, 0])).sort()).toEqual([alive, own].sort());
    } finally {
      running.kill('SIGKILL');
    }
  });

  it('removes what another machine may have left only after ten minutes without a change', async () => {
    const elsewhere = ofProcess(await deadPid()).replace(/\.[0-9a-f]{8}-/, '.00000000-');
    expect(await left([elsewhere, 9])).toEqual([elsewhere]);
    expect(await left([elsewhere, 11])).toEqual([]);
  });

  it('removes what earlier versions left, whose names do not tell the machine', async () => {
    const old = `a.png.${await deadPid()}-0123abcd.tmp`;
    expect(await left([old, 0.5])).toEqual([old]);
    expect(await left([old, 2])).toEqual([]);
  });

  it('removes what the process before this one left under the same number', async () => {
    expect(await left([own, 9])).toEqual([]);
  });

  it('leaves everything else alone', async () => {
    const others = ['a.tmp', 'a.png.tmp', 'a.png.12.tmp', 'a.png.12-xyz.tmp', 'a.png.12-0123abcd.tmp.png', 'b.12-0123abcd'];
    expect(await left(...others.map((name) => [name, 100] as const))).toEqual([...others].sort());
    expect(others.some(isTemporaryName)).toBe(false);
    await mkdir(join(folder, 'folder.12-0123abcd.tmp'));
    await removeLeftovers(folder);
    expect(await readdir(folder)).toContain('folder.12-0123abcd.tmp');
    await removeLeftovers(join(folder, 'nowhere'));
  });

  it('looks only at names that begin as they are to', async () => {
    const [mine, other] = [`model.onnx.${await deadPid()}-0123abcd.tmp`, 'other.onnx.1-0123abcd.tmp'];
    await writeFile(join(folder, mine), '');
    await writeFile(join(folder, other), '');
    for (const name of [mine, other]) await utimes(join(folder, name), 0, 0);
    await removeLeftovers(folder, 'model.onnx');
    expect(await readdir(folder)).toEqual([other]);
  });
});
