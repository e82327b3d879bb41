import { availableParallelism, freemem } from 'node:os';

/** How a batch is spread over a machine. */
export interface WorkerPlan {
  /** Worker threads, each working on images of its own. */
  readonly workers: number;
  /** Threads within each worker. */
  readonly threads: number;
}

/** What is known of a machine and of the work. */
export interface WorkerLimits {
  /** Processors. */
  readonly cores: number;
  /** Bytes that the batch may take. */
  readonly memory: number;
  /** Bytes that one worker is expected to take. */
  readonly perWorker: number;
  /** The network runs on one device that all workers would share. */
  readonly accelerated?: boolean;
}

/**
 * Workers and threads for a batch of images, where the user has not set them.
 *
 * Whole images are the best parallel work there is: one thread each never waits for another, and what is not the network
 * (decoding, fusing, writing) runs in parallel as well. So there is one worker per processor, as long as memory lasts; a
 * network so large that fewer workers fit has its processors shared out as threads within each of them. Beside an accelerator
 * there is one worker: its memory holds one network, and the next photograph is decoded while it computes.
 */
export function planWorkers(wanted: Partial<WorkerPlan>, { cores, memory, perWorker, accelerated = false }: WorkerLimits): WorkerPlan {
  const fitting = accelerated ? 1 : Math.max(1, Math.floor(memory / perWorker));
  const workers = wanted.workers ?? Math.max(1, Math.min(fitting, Math.floor(cores / (wanted.threads ?? 1))));
  return { workers, threads: wanted.threads ?? Math.max(1, Math.floor(cores / workers)) };
}

/** This machine's limits; a batch may take three quarters of the memory that is free. */
export function machineLimits(perWorker: number): WorkerLimits {
  return { cores: availableParallelism(), memory: 0.75 * freemem(), perWorker };
}
