import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workerUrl } from '../../../src/jobs/workers/worker-url.js';
import { startNode } from '../../cli/program.js';

const jobs = (name: string): string => JSON.stringify(workerUrl(`../../../dist/jobs/${name}.js`, import.meta.url).href);
const forEver = 'new Promise(() => undefined)';
/** A process that says `ready`, and would then wait for a minute. */
const process = (body: string) => startNode(['--input-type=module', '--eval', `
  import { holdSignals, releaseSignals, takeSignals, untilDone, watchInterrupt } from ${jobs('stop/interrupt')};
  import { isAbandoned } from ${jobs('stop/abandon')};
  setTimeout(() => undefined, 60_000);
  ${body}
  process.stderr.write('ready\\n');`]);

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'voc-seeds-interrupt-')); });
afterAll(() => rm(folder, { recursive: true }));

/** Sends signals, each as soon as the process has said something, and tells how it ended and how long that took from the last. */
async function outcome(program: ReturnType<typeof process>, ...signals: readonly (readonly [after: string, signal: NodeJS.Signals])[]) {
  let last = 0;
  for (const [after, signal] of signals) {
    await program.says(after);
    last = performance.now();
    program.process.kill(signal);
  }
  const { code, signal, stderr } = await program.ended;
  return { code, signal, stderr, seconds: (performance.now() - last) / 1000 };
}

describe('a signal', () => {
  it('ends the process with 130 as soon as what is under way is done', async () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const program = process(`
        takeSignals();
        holdSignals();
        untilDone(new Promise((resolve) => { setTimeout(resolve, 500); })).then(() => process.stderr.write('done ' + isAbandoned()));`);
      expect(await outcome(program, ['ready', signal])).toMatchObject({ code: 130, signal: null, stderr: 'ready\ndone true' });
    }
  });

  it('asks a batch to finish, and gives it up at the second one', async () => {
    const body = `
      takeSignals();
      const watch = watchInterrupt(() => { process.stderr.write('finishing ' + watch.signal.aborted + isAbandoned() + ' '); });
      setInterval(() => isAbandoned() && process.stderr.write('given up '), 1);`;
    for (const second of ['SIGINT', 'SIGTERM'] as const) {
      const { code, stderr } = await outcome(process(body), ['ready', 'SIGINT'], ['finishing', second]);
      expect(code).toBe(130);
      expect(stderr).toMatch(/^ready\nfinishing truefalse /);
    }
  });

  it('lets a batch finish after SIGTERM, but not for long', async () => {
    const quick = process(`
      takeSignals();
      const watch = watchInterrupt(() => { setTimeout(() => { watch.dispose(); releaseSignals(); process.exit(7); }, 300); });`);
    expect(await outcome(quick, ['ready', 'SIGTERM'])).toMatchObject({ code: 7, signal: null });
    const slow = await outcome(process('takeSignals(); watchInterrupt(() => undefined);'), ['ready', 'SIGTERM']);
    expect(slow).toMatchObject({ code: 130, signal: null });
    expect(slow.seconds).toBeLessThan(5);
  });

  it('ends a process that hangs: SIGTERM within seconds, a third Ctrl-C at once', async () => {
    const body = `takeSignals(); watchInterrupt(() => process.stderr.write('finishing ')); untilDone(${forEver});`;
    const terminated = await outcome(process(body), ['ready', 'SIGTERM']);
    // A shell shows this as 130, too.
    expect(terminated).toMatchObject({ code: null, signal: 'SIGINT' });
    expect(terminated.seconds).toBeLessThan(5.5);
    const third = process(`${body}
      const look = setInterval(() => { if (isAbandoned()) { clearInterval(look); process.stderr.write('given up '); } }, 1);`);
    const interrupted = await outcome(third, ['ready', 'SIGINT'], ['finishing', 'SIGINT'], ['given up', 'SIGINT']);
    expect(interrupted).toMatchObject({ code: null, signal: 'SIGINT' });
    expect(interrupted.seconds).toBeLessThan(2);
  });

  it.skipIf(globalThis.process.platform === 'win32')('ends a process whose disk does not answer', async () => {
    // A pipe that nobody writes to: a thread of Node.js's own pool waits in open(), as it does on a server that is gone.
    const pipe = join(folder, 'pipe');
    spawnSync('mkfifo', [pipe]);
    const program = process(`
      import { open } from 'node:fs/promises';
      takeSignals();
      watchInterrupt(() => undefined);
      open(${JSON.stringify(pipe)});`);
    const { code, signal, seconds } = await outcome(program, ['ready', 'SIGTERM']);
    expect([code, signal]).toEqual([null, 'SIGINT']);
    expect(seconds).toBeLessThan(5.5);
  });

  it('ends a process at once, as ever, if nothing is to be finished', async () => {
    const body = 'takeSignals(); holdSignals()(); await untilDone(Promise.resolve());';
    for (const signal of ['SIGINT', 'SIGTERM'] as const) expect(await outcome(process(body), ['ready', signal])).toMatchObject({ code: null, signal });
  });

  it('is left to the program that uses the library', async () => {
    const program = process(`
      import { WorkerPool } from ${jobs('workers/pool')};
      const pool = new WorkerPool({ worker: new URL('data:text/javascript,export default (task) => task'), threads: 1 });
      if (process.listenerCount('SIGINT') + process.listenerCount('SIGTERM') > 0) process.stderr.write('listening ');`);
    const { stderr, signal } = await outcome(program, ['ready', 'SIGTERM']);
    expect([stderr, signal]).toEqual(['ready\n', 'SIGTERM']);
  });
});
