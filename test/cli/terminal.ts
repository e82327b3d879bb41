import { vi } from 'vitest';
import { main } from '../../src/cli/main.js';

/** What a command has printed, and its exit code. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command line in this process. */
export async function run(...argv: string[]): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += String(text);
    return true;
  });
  const error = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += String(text);
    return true;
  });
  try {
    const code = await main(argv);
    return { code, stdout, stderr };
  } finally {
    out.mockRestore();
    error.mockRestore();
  }
}

/** The message of a command that must have failed: without the stack of an error that nobody expected. */
export function messageOf({ code, stdout, stderr }: Outcome): string {
  if (code !== 1 || stdout !== '' || /^\s+at /m.test(stderr)) throw new Error(`exit code ${code}, stdout '${stdout}', stderr '${stderr}'`);
  return stderr;
}
