import { availableParallelism, freemem } from 'node:os';

/** How a batch is distributed over a machine. */
export interface WorkerPlan {
  /** Worker threads, each with its own images. */
  readonly workers: number;
  /** Threads within each worker. */
  readonly threads: number;
  /** How many images of one size go to the network at once. */
  readonly batch: number;
}

/** Limits of the machine and the work. */
export interface WorkerLimits {
  /** Processors. */
  readonly cores: number;
  /** Bytes that the batch may use. */
  readonly memory: number;
  /** Bytes that one worker is expected to use. */
  readonly perWorker: number;
  /** Whether an accelerator runs the network, for all workers. */
  readonly accelerated?: boolean;
}

/** Larger batches are not faster, see docs/runtimes.md. */
const ACCELERATED_BATCH = 8;

/**
 * Workers and threads for a batch of images, if the user has not set them.
 *
 * Whole images are the best unit of parallel work: with one thread each, workers never wait for one another, and decoding,
 * fusing and writing also run in parallel. So there is one worker per processor, as long as memory allows. If fewer workers
 * fit, the processors are shared among them as threads.
 *
 * With an accelerator, a thread of its own runs the network for all workers, which do the rest. A batch keeps the device busy, which
 * a processor is with one image.
 */
export function planWorkers(wanted: Partial<WorkerPlan>, { cores, memory, perWorker, accelerated = false }: WorkerLimits): WorkerPlan {
  const fitting = Math.max(1, Math.floor(memory / perWorker));
  const workers = wanted.workers ?? Math.max(1, Math.min(fitting, Math.floor(cores / (wanted.threads ?? 1))));
  const threads = wanted.threads ?? Math.max(1, Math.floor(cores / workers));
  return { workers, threads, batch: wanted.batch ?? (accelerated ? ACCELERATED_BATCH : 1) };
}

/**
 * How many tasks a worker should have at once: one computes while the next is decoded. Photographs have several sizes, so a batch of
 * one size needs more of them to choose from.
 *
 * @param shared whether all workers use the same network, which then has the photographs of all of them to choose from
 */
export function tasksPerWorker({ batch, workers }: Pick<WorkerPlan, 'batch' | 'workers'>, shared: boolean): number {
  return batch === 1 ? 2 : Math.max(2, Math.ceil(3 * batch / (shared ? workers : 1)));
}

/** This machine's limits. A batch may use three quarters of the free memory. */
export function machineLimits(perWorker: number): WorkerLimits {
  return { cores: availableParallelism(), memory: 0.75 * freemem(), perWorker };
}
