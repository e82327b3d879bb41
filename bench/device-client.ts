import { parentPort, workerData } from 'node:worker_threads';
import { portToCompanion } from '../src/jobs/workers/companion-port.js';
import { ortRuntime } from '../src/runtime/ort/ort.js';
import type { Runtime } from '../src/runtime/runtime.js';
import { SharedRuntime } from '../src/runtime/shared/client.js';

/** What a thread that does nothing but runs is given. */
export interface DeviceClientData {
  readonly graph: Uint8Array;
  readonly size: number;
  /** Runs at once, and runs in all. */
  readonly inFlight: number;
  readonly runs: number;
  /** What the runtime of the device thread says of itself; undefined: the thread has a session of its own. */
  readonly about: Pick<Runtime, 'name' | 'version' | 'device'> | undefined;
}

const { graph, size, inFlight, runs, about } = workerData as DeviceClientData;

const session = await (about === undefined ? ortRuntime : new SharedRuntime(portToCompanion(), about)).load(graph, { threads: 1 });
const feeds = { image: { type: 'float32', dims: [1, 3, size, size], data: new Float32Array(3 * size * size) } } as const;

async function run(count: number): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while (left-- > 0) await session.run(feeds);
  };
  await Promise.all(Array.from({ length: inFlight }, one));
}

await run(50);
parentPort!.on('message', () => {
  void run(runs).then(() => { parentPort!.postMessage('done'); });
});
parentPort!.postMessage('ready');
