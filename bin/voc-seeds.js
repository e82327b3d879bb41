#!/usr/bin/env node
import { createRequire } from 'node:module';

try {
  process.cwd();
} catch {
  process.stderr.write('error: the current folder no longer exists\ngo to another one (cd) and run the command again\n');
  process.exit(1);
}
// Only now: what is loaded may look for the current folder.
await createRequire(import.meta.url)('../dist/program.cjs')['cli/process']().runProcess();
