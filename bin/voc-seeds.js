#!/usr/bin/env node
try {
  process.cwd();
} catch {
  process.stderr.write('error: the current folder no longer exists\ngo to another one (cd) and run the command again\n');
  process.exit(1);
}
// Only now: what is imported may look for the current folder.
const { runProcess } = await import('../dist/cli/process.js');
await runProcess();
