import { availableParallelism } from 'node:os';
import { UserError } from '../errors.js';
import type { Normalisation } from '../image/normalise.js';
import { DEFAULT_MAX_PIXELS } from '../image/photo.js';
import { WorkerPool } from '../jobs/workers/pool.js';
import { workerUrl } from '../jobs/workers/worker-url.js';
import type { Augmentation } from './augment.js';
import type { SampleResult, SampleTask, SampleWorkerData } from './sample-worker.js';
import { balancedOrder, batchCount, batchesOf, epochOrder } from './sampler.js';

/** A photograph with image-level labels. */
export interface TrainingSample {
  readonly path: string;
  /** Indices 0..classCount-1. */
  readonly labels: readonly number[];
}

/** A batch of augmented photographs. */
export interface Batch {
  /** [N, 3, S, S], normalised; S is the side of the crop. */
  readonly images: Float32Array;
  /** [N, classes], 1 if the class is present, else 0. */
  readonly targets: Float32Array;
  /** The N photographs. */
  readonly paths: readonly string[];
  /** Photographs that could not be read. Others of the batch replace them. */
  readonly failures: readonly { readonly path: string; readonly reason: string }[];
}

export interface BatchLoaderOptions {
  readonly samples: readonly TrainingSample[];
  readonly classCount: number;
  readonly batchSize: number;
  readonly augmentation: Augmentation;
  readonly normalisation: Normalisation;
  readonly seed: number;
  /** `shuffle`: each photograph once per epoch; `balanced`: each class equally often (see `balancedOrder`). */
  readonly sampler: 'shuffle' | 'balanced';
  /** Default: one per two processors. */
  readonly workers?: number;
  /** The number of batches to prepare ahead of the one in use. Default: `workers + 1`. */
  readonly prefetch?: number;
}

/**
 * Prepares batches of augmented photographs in worker threads, ahead of the trainer.
 *
 *     const loader = BatchLoader.create({ samples, classCount: 20, batchSize: 16, ... });
 *     for await (const { images, targets } of loader.batches(0)) await step(images, targets);
 *     await loader.close();
 *
 * Every batch depends only on the options, the epoch and its index. It does not depend on the number of workers or on the
 * batches read before. The first batches of the next epoch are prepared while the last ones of an epoch are in use.
 */
export class BatchLoader {
  /** The number of batches of each epoch. */
  readonly batchesPerEpoch: number;
  /** Batches in preparation or ready, by their number, counted from the first of epoch 0. */
  private readonly ahead = new Map<number, Promise<Batch>>();
  private closed = false;
  private order: { readonly epoch: number; readonly batches: readonly (readonly number[])[] } | undefined;

  private constructor(
    private readonly options: BatchLoaderOptions, private readonly prefetch: number, private readonly pool: WorkerPool<SampleTask, SampleResult>,
  ) {
    this.batchesPerEpoch = batchCount(options.samples.length, options.batchSize);
  }

  /**
   * Starts the workers.
   *
   * @throws UserError if there are no samples
   * @throws RangeError if a label is not below `classCount`
   */
  static create(options: BatchLoaderOptions): BatchLoader {
    const { samples, classCount, augmentation, normalisation, seed } = options;
    if (samples.length === 0) throw new UserError('there are no photographs to train on');
    const foreign = samples.find(({ labels }) => labels.some((label) => !(label >= 0 && label < classCount)));
    if (foreign !== undefined) throw new RangeError(`${foreign.path} has the labels ${foreign.labels.join(', ')}, but there are ${classCount} classes`);
    const workers = options.workers ?? Math.max(1, Math.floor(availableParallelism() / 2));
    const prefetch = options.prefetch ?? workers + 1;
    const pool = new WorkerPool<SampleTask, SampleResult>({
      worker: workerUrl('./sample-worker.js', import.meta.url), threads: workers,
      // All requested batches are sent to the workers at once: a trainer that blocks this thread could not send them later.
      tasksPerWorker: Math.ceil((prefetch + 1) / workers),
      data: { augmentation, normalisation, seed, maxPixels: DEFAULT_MAX_PIXELS } satisfies SampleWorkerData,
    });
    return new BatchLoader(options, prefetch, pool);
  }

  /**
   * The batches of an epoch, in order.
   *
   * @param epoch from 0
   * @param fromBatch the index of the first batch, to resume within the epoch
   * @throws UserError if no photograph of a batch can be read
   */
  async* batches(epoch: number, fromBatch = 0): AsyncGenerator<Batch, void, undefined> {
    for (let index = fromBatch; index < this.batchesPerEpoch; index++) yield await this.take(epoch * this.batchesPerEpoch + index);
  }

  /** Ends the workers after their current batches. Nothing can be read afterwards. */
  async close(): Promise<void> {
    this.closed = true;
    this.ahead.clear();
    await this.pool.destroy();
  }

  private take(number: number): Promise<Batch> {
    // Otherwise the pool would start new workers.
    if (this.closed) throw new Error('the batch loader is closed');
    // An unexpected position: the batches prepared ahead are not needed.
    if (!this.ahead.has(number)) this.ahead.clear();
    for (let next = number; next <= number + this.prefetch; next++) {
      if (this.ahead.has(next)) continue;
      const batch = this.make(next);
      this.ahead.set(next, batch);
      // Whoever takes the batch gets the error. This prevents an unhandled rejection before that, or if nobody takes it.
      batch.catch(() => undefined);
    }
    const batch = this.ahead.get(number)!;
    this.ahead.delete(number);
    return batch;
  }

  private async make(number: number): Promise<Batch> {
    const { samples, classCount, batchSize } = this.options;
    const index = number % this.batchesPerEpoch;
    const epoch = (number - index) / this.batchesPerEpoch;
    const chosen = this.batchesOfEpoch(epoch)[index].map((i) => samples[i]);
    const result = await this.pool.run({ epoch, first: index * batchSize, paths: chosen.map(({ path }) => path) });
    if ('reason' in result) throw new UserError(`batch ${index} of epoch ${epoch}: ${result.reason}`);
    const placed = result.taken.map((i) => chosen[i]);
    const targets = new Float32Array(placed.length * classCount);
    placed.forEach(({ labels }, row) => { for (const label of labels) targets[row * classCount + label] = 1; });
    return { images: result.images, targets, paths: placed.map(({ path }) => path), failures: result.failures };
  }

  private batchesOfEpoch(epoch: number): readonly (readonly number[])[] {
    if (this.order?.epoch !== epoch) {
      const { samples, classCount, batchSize, seed, sampler } = this.options;
      const order = sampler === 'shuffle' ? epochOrder(samples.length, seed, epoch) : balancedOrder(samples.map(({ labels }) => labels), classCount, seed, epoch);
      this.order = { epoch, batches: batchesOf(order, batchSize) };
    }
    return this.order.batches;
  }
}
