import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { repository } from '../helpers.js';

it('the pages of the commands have their current --help', async () => {
  const run = promisify(execFile)(process.execPath, [join(repository, 'scripts/docs/command-help.mjs'), '--check']);
  expect(await run.then(() => '', ({ stderr }: { stderr: string }) => stderr)).toBe('');
});
