import { shuffled } from '../../random.js';
import { sizeOf } from '../../onnx/tensor.js';
import { sequenceOf } from '../sampler.js';
import { readView } from './feature-file.js';
import type { StudentSample } from './features.js';
import { ABSENT } from './pass.js';
import type { CachedTensor } from './pass.js';
import { CELL, writeTargets } from './targets.js';

/** A batch of photographs of one orientation. */
export interface StudentBatch {
  /** 0: landscape, 1: upright. */
  readonly kind: 0 | 1;
  /** The cached tensors, the targets, and which labels are present, as `segmentBatches` has its inputs. */
  readonly values: readonly Float32Array[];
  readonly paths: readonly string[];
  /** Never any: photographs that fail have none of their features in the cache. */
  readonly failures: readonly [];
}

export interface StudentBatchOptions {
  readonly batchSize: number;
  readonly seed: number;
  /** Take the mirror image of a photograph with probability 0.5. */
  readonly flip: boolean;
  readonly tensors: readonly [landscape: readonly CachedTensor[], upright: readonly CachedTensor[]];
  /** The width of the input in pixels. */
  readonly widths: readonly [landscape: number, upright: number];
  /** The number of labels, background included. */
  readonly labels: number;
}

/**
 * The batches of a student, each with photographs of one orientation. The features are read from the cache while the batch before is in
 * use. A batch depends only on the options, the epoch and its index.
 */
export class StudentBatches {
  readonly batchesPerEpoch: number;
  private readonly groups: readonly (readonly StudentSample[])[];
  private ahead: { readonly key: string; readonly batch: Promise<StudentBatch> } | undefined;

  constructor(samples: readonly StudentSample[], private readonly options: StudentBatchOptions) {
    this.groups = [0, 1].map((kind) => samples.filter((sample) => sample.kind === kind));
    this.batchesPerEpoch = this.groups.reduce((sum, group) => sum + this.countOf(group), 0);
  }

  /** @throws UserError if a file of features is damaged */
  async* batches(epoch: number, fromBatch = 0): AsyncGenerator<StudentBatch, void, undefined> {
    const order = this.order(epoch);
    for (let index = fromBatch; index < order.length; index++) {
      const batch = this.take(epoch, index, order);
      if (index + 1 < order.length) this.prefetch(epoch, index + 1, order);
      yield await batch;
    }
  }

  /** Batches per epoch of an orientation. A few photographs are repeated in their only batch, otherwise the rest is left out. */
  private countOf(group: readonly StudentSample[]): number {
    return group.length === 0 ? 0 : Math.max(1, Math.floor(group.length / this.options.batchSize));
  }

  private order(epoch: number): StudentSample[][] {
    const { batchSize, seed } = this.options;
    const all = this.groups.flatMap((group, kind) => {
      const order = shuffled(group.length, sequenceOf(seed, epoch, kind));
      return Array.from({ length: this.countOf(group) }, (_, batch) => (
        Array.from({ length: batchSize }, (__, i) => group[order[(batch * batchSize + i) % order.length]])));
    });
    return shuffled(all.length, sequenceOf(seed, epoch, this.groups.length)).map((i) => all[i]);
  }

  private take(epoch: number, index: number, order: readonly StudentSample[][]): Promise<StudentBatch> {
    const known = this.ahead;
    this.ahead = undefined;
    return known?.key === `${epoch}/${index}` ? known.batch : this.make(epoch, index, order[index]);
  }

  private prefetch(epoch: number, index: number, order: readonly StudentSample[][]): void {
    const batch = this.make(epoch, index, order[index]);
    // Whoever takes the batch gets the error.
    batch.catch(() => undefined);
    this.ahead = { key: `${epoch}/${index}`, batch };
  }

  private async make(epoch: number, index: number, samples: readonly StudentSample[]): Promise<StudentBatch> {
    const { labels, seed, flip, widths } = this.options;
    const [{ kind }] = samples;
    const tensors = this.options.tensors[kind];
    const columns = widths[kind] / CELL;
    const cells = samples[0].counts.counts.length / samples[0].counts.labels.length;
    const features = tensors.map(({ dims }) => new Float32Array(samples.length * sizeOf(dims)));
    const targets = new Float32Array(samples.length * labels * cells);
    const present = new Float32Array(samples.length * labels).fill(ABSENT);
    const total = samples.reduce((sum, { counts }) => sum + counts.total, 0);
    const random = sequenceOf(seed, epoch, this.groups.length + 1 + index);
    const mirror = samples.map(() => flip && random() < 0.5);
    await Promise.all(samples.map(async ({ file, counts }, i) => {
      const own = (array: Float32Array): Float32Array => array.subarray(i * array.length / samples.length, (i + 1) * array.length / samples.length);
      await readView(file, mirror[i] ? 1 : 0, tensors, features.map(own));
      writeTargets(counts, columns, mirror[i], total, own(targets));
      for (const label of counts.labels) own(present)[label] = 0;
    }));
    return { kind, values: [...features, targets, present], paths: samples.map(({ path }) => path), failures: [] };
  }
}
