import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { requireWanted } from '../stop/abandon.js';
import { holdSignals, untilDone } from '../stop/interrupt.js';
import { UnderWay } from '../stop/under-way.js';
import { portOf } from './companion-port.js';
import type { Companion } from './companion.js';

export interface PoolOptions {
  /** The compiled module of the workers; see {@link workerUrl}. */
  readonly worker: URL;
  readonly threads: number;
  /** Start threads as tasks arrive instead of all at once. */
  readonly onDemand?: boolean;
  /** Tasks that a worker runs at once. Default: 1. */
  readonly tasksPerWorker?: number;
  /** Plain data that every worker receives. */
  readonly data?: unknown;
  /** A thread that the workers share. If it ends too early, so does the pool's work. */
  readonly companion?: Companion;
}

/**
 * Worker threads that run tasks. The pool never stops a worker during a task or while it starts, since stopping native code
 * would abort the process.
 */
export class WorkerPool<T, R> {
  private readonly pool: Piscina<T, R>;
  private readonly underWay = new UnderWay();
  private readonly known = new WeakSet<Worker>();
  private readonly release = holdSignals();
  private readonly companion: Companion | undefined;

  /** @throws AbandonedError if the process is about to end */
  constructor({ worker, threads, onDemand = false, tasksPerWorker = 1, data, companion }: PoolOptions) {
    requireWanted();
    this.companion = companion;
    this.pool = new Piscina<T, R>({
      filename: worker.href, minThreads: onDemand ? 1 : threads, maxThreads: threads, concurrentTasksPerWorker: tasksPerWorker, workerData: data,
    });
    this.pool.on('message', (message) => {
      const port = portOf(message);
      if (port !== undefined) companion?.connect(port);
    });
    this.watchStarts();
  }

  /** @throws AbandonedError if the process is about to end, the error that has ended the companion, or the worker's error */
  async run(task: T): Promise<R> {
    requireWanted();
    this.requireCompanion();
    const running = this.watch(this.pool.run(task));
    this.watchStarts();
    const result = await running;
    // What the worker says then is only a consequence.
    this.requireCompanion();
    return result;
  }

  /** Stops the workers after their tasks are done, and then the companion. */
  async destroy(): Promise<void> {
    // Threads without a task do not keep the process alive.
    const awake = setInterval(() => undefined, 1 << 30);
    try {
      await this.underWay.settled();
      await this.pool.destroy();
      await this.companion?.close();
    } finally {
      clearInterval(awake);
      this.release();
    }
  }

  private requireCompanion(): void {
    if (this.companion?.failure !== undefined) throw this.companion.failure;
  }

  /** Watches new threads until they have loaded their modules, which their first message says. */
  private watchStarts(): void {
    for (const thread of this.pool.threads) {
      if (this.known.has(thread)) continue;
      this.known.add(thread);
      void this.watch(Promise.race([once(thread, 'message'), once(thread, 'exit')]));
    }
  }

  private watch<V>(work: Promise<V>): Promise<V> {
    return untilDone(this.underWay.watch(work));
  }
}
