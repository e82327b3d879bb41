import { Command } from 'commander';
import { afterEach, beforeEach, vi } from 'vitest';
import type { CommandRegistrar } from '../../src/cli/command.js';
import { main } from '../../src/cli/main.js';

/** What a command has printed, and its exit code. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command line in this process. */
export async function run(...argv: string[]): Promise<Outcome> {
  const printed = { stdout: '', stderr: '' };
  const restore = capture(printed);
  try {
    const code = await main(argv);
    return { code, ...printed };
  } finally {
    restore();
  }
}

/** Collects what is written in each test of a file. */
export function printedInTests(): Omit<Outcome, 'code'> {
  const printed = { stdout: '', stderr: '' };
  let restore: () => void;
  beforeEach(() => {
    printed.stdout = printed.stderr = '';
    restore = capture(printed);
  });
  afterEach(() => { restore(); });
  return printed;
}

/** Collects what is written, until the function that it returns is called. */
function capture(printed: Omit<Outcome, 'code'>): () => void {
  const spies = (['stdout', 'stderr'] as const).map((name) => vi.spyOn(process[name], 'write').mockImplementation((text) => {
    printed[name] += String(text);
    return true;
  }));
  return () => { for (const spy of spies) spy.mockRestore(); };
}

/** Runs one command and returns its exit code. Errors are thrown, as the program's main function catches them. */
export async function runCommand(register: CommandRegistrar, ...argv: string[]): Promise<number | undefined> {
  let code: number | undefined;
  const program = new Command('voc-seeds').exitOverride();
  register(program, (given) => { code = given; });
  for (const command of program.commands) command.exitOverride();
  await program.parseAsync(argv, { from: 'user' });
  return code;
}

/** The message of a command that must have failed: without the stack of an error that nobody expected. */
export function messageOf({ code, stdout, stderr }: Outcome): string {
  if (code !== 1 || stdout !== '' || /^\s+at /m.test(stderr)) throw new Error(`exit code ${code}, stdout '${stdout}', stderr '${stderr}'`);
  return stderr;
}
