import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/commands/index.js';
import { repository } from '../helpers.js';
import { run } from './terminal.js';

const program = join(repository, 'bin/voc-seeds.js');
let folder: string;
let probe: string;

/** When the process ends: the files that it has required, and its shared libraries, among them native modules. */
const PROBE = `
const { _cache } = require('node:module');
process.on('exit', () => {
  const { sharedObjects } = process.report.getReport();
  process.stderr.write('\\n' + JSON.stringify([...Object.keys(_cache), ...sharedObjects]));
});
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-start-'));
  probe = join(folder, 'probe.cjs');
  await writeFile(probe, PROBE);
});
afterAll(() => rm(folder, { recursive: true }));

/** The packages that a process of Node.js has loaded files of. */
function packagesOf(...argv: string[]): string[] {
  const { status, stderr } = spawnSync(process.execPath, ['--require', probe, ...argv], { cwd: repository, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  const files = JSON.parse(stderr.split('\n').at(-1)!) as string[];
  expect(files).toContain(probe);
  return [...new Set(files.flatMap((file) => /node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(file)?.[1] ?? []))];
}

const heavy = /sharp|@img|onnxruntime|tensorflow|piscina|fast-xml-parser/;

describe('the start of the program', () => {
  it.each([['--version'], ['--help'], ['help', 'cam']])('%s %s loads no package that only the work needs', (...words) => {
    expect(packagesOf(program, ...words.filter(Boolean)).filter((name) => heavy.test(name))).toEqual([]);
  });

  it('is seen by this test if it does', () => {
    expect(packagesOf('--eval', 'require("sharp"); require("onnxruntime-node")')).toEqual(expect.arrayContaining(['sharp', 'onnxruntime-node']));
  });

  it('lists commands, which are not loaded, as they describe themselves', async () => {
    const { stdout } = await run('--help');
    const loaded = new Command();
    for (const { load } of Object.values(commands)) (await load())(loaded, () => undefined);
    const help = loaded.createHelp();
    const listed = stdout.split('\nCommands:\n')[1].replaceAll(/\s+/g, ' ');
    for (const command of loaded.commands) {
      expect(listed).toContain(` ${help.subcommandTerm(command)} ${help.subcommandDescription(command)}`);
    }
    expect(Object.keys(commands)).toEqual(loaded.commands.map((command) => command.name()));
  });
});

describe('the library', () => {
  it('loads no native library before it is used', () => {
    const used = packagesOf('--input-type', 'module', '--eval', 'await import("voc-seeds"); for (const part of ["cam", "maps", "seeds", "metrics", "train", "import", "onnx", "runtime"]) await import(`voc-seeds/${part}`);');
    expect(used.filter((name) => /sharp|@img|onnxruntime|tensorflow/.test(name))).toEqual([]);
  });
});
