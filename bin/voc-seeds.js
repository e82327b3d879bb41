#!/usr/bin/env node
import { main } from '../dist/cli/main.js';
import { startThreadsWithRoom } from '../dist/jobs/heap.js';

// The reader of a pipe may have read enough (`voc-seeds eval ... | head`): that is no error.
process.stdout.on('error', (error) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

startThreadsWithRoom();
process.exitCode = await main(process.argv.slice(2));
