import type { Companion } from '../../jobs/workers/companion.js';
import { portToCompanion } from '../../jobs/workers/companion-port.js';
import { openRuntime } from '../open.js';
import type { OpenedRuntime, RuntimeChoice } from '../open.js';
import type { Runtime } from '../runtime.js';
import { SharedRuntime } from './client.js';
import { DeviceThread } from './device-thread.js';

/** The runtime of worker threads, as plain data. */
export interface WorkerRuntime extends RuntimeChoice {
  /** If it belongs to all workers: what the real one says of itself. */
  readonly shared?: Pick<Runtime, 'name' | 'version' | 'device'>;
}

/** A runtime for the workers of a pool. */
export interface PoolRuntime {
  /** For {@link openInWorker}. */
  readonly choice: WorkerRuntime;
  /** For the pool, if there is one. It belongs to one pool. */
  readonly companion?: Companion;
}

/**
 * The runtime for the workers of a pool. On the processor, each opens it for itself. An accelerator belongs to a thread of its own,
 * which all workers use: its memory may hold only one copy of a network.
 *
 * @param share whether the runtime belongs to one thread. Default: if an accelerator computes
 */
export function runtimeForPool({ choice, runtime: { name, version, device }, accelerated }: OpenedRuntime, share = accelerated): PoolRuntime {
  if (!share) return { choice };
  return { choice: { ...choice, shared: { name, version, device } }, companion: new DeviceThread({ ...choice, device }) };
}

let connected: SharedRuntime | undefined;

/**
 * Opens the runtime in a worker of a pool that {@link runtimeForPool} was called for.
 *
 * @throws UserError if it does not work
 */
export async function openInWorker({ shared, ...choice }: WorkerRuntime): Promise<Runtime> {
  if (shared === undefined) return (await openRuntime(choice)).runtime;
  return connected ??= new SharedRuntime(portToCompanion(), shared);
}
