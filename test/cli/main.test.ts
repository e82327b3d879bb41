import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/commands/index.js';
import { repository } from '../helpers.js';
import { messageOf, run } from './terminal.js';

/** Every command, those of `model` included, as words. */
const all = await (async (): Promise<string[][]> => {
  const program = new Command();
  for (const { load } of Object.values(commands)) (await load())(program, () => undefined);
  const leaves = (command: Command): string[][] => {
    if (command.commands.length === 0) return [[command.name()]];
    return command.commands.flatMap(leaves).map((words) => [command.name(), ...words]);
  };
  return program.commands.flatMap(leaves);
})();

describe('voc-seeds', () => {
  it('lists its commands', async () => {
    const { code, stdout, stderr } = await run('--help');
    expect([code, stderr]).toEqual([0, '']);
    for (const [name] of all) expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    expect(all.length).toBeGreaterThanOrEqual(6);
  });

  it.each(all)('%s %s: --help shows options and examples', async (...words) => {
    const { code, stdout, stderr } = await run(...words.filter(Boolean), '--help');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`Usage: voc-seeds ${words.filter(Boolean).join(' ')}`);
    expect(stdout).toContain('Options:');
    expect(stdout).toMatch(/^Examples?:$/m);
    expect(stdout).toMatch(new RegExp(`^ {2}voc-seeds ${words.filter(Boolean).join(' ')} `, 'm'));
  });

  it.each(all)('%s %s: an unknown option is an error', async (...words) => {
    expect(messageOf(await run(...words.filter(Boolean), '--no-such-option'))).toContain('error: unknown option \'--no-such-option\'');
  });

  it('an unknown command is an error, with the one that was probably meant', async () => {
    expect(messageOf(await run('generat'))).toMatch(/unknown command 'generat'[^]*Did you mean generate\?/);
    expect(messageOf(await run('model', 'look'))).toContain('unknown command \'look\'');
  });

  it('no command shows the help, and is an error', async () => {
    expect(messageOf(await run())).toContain('Usage: voc-seeds');
    expect(messageOf(await run('model'))).toContain('Usage: voc-seeds model');
  });

  it('tells its version', async () => {
    const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { version: string };
    expect(await run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('is a program that hands its exit code to the shell', () => {
    const bin = join(repository, 'bin/voc-seeds.js');
    expect(spawnSync('node', [bin, '--version']).status).toBe(0);
    const wrong = spawnSync('node', [bin, 'generate', '--out', 'x', '--voc-root', '/nowhere', '--split', 'train'], { encoding: 'utf8' });
    expect([wrong.status, wrong.stdout]).toEqual([1, '']);
    expect(wrong.stderr).toMatch(/^error: /);
  });
});
