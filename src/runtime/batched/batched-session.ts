import type { Batching, RuntimeTensor, Session } from '../runtime.js';
import { Batches } from './batches.js';

type Feeds = Readonly<Record<string, RuntimeTensor>>;
type Results = Record<string, RuntimeTensor>;

interface Run {
  readonly feeds: Feeds;
  readonly outputs: readonly string[] | undefined;
}

/** A session that joins runs which wait at the same time and whose images have one shape, as {@link Batching} says. */
export class BatchedSession implements Session {
  private readonly batches: Batches<Run, Results>;
  /** For the images of a batch: new memory of this size takes as long as the copy. One batch runs at a time. */
  private buffer = new Float32Array();

  constructor(private readonly session: Session, private readonly batching: Batching) {
    const { size, images } = batching;
    this.batches = new Batches({
      size, keyOf: ({ feeds, outputs }) => JSON.stringify([feeds[images].dims, outputs]), run: (runs) => this.runAll(runs),
    });
  }

  async run(feeds: Feeds, outputs?: readonly string[]): Promise<Results> {
    return this.batches.run({ feeds, outputs });
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  private async runAll(runs: readonly Run[]): Promise<Results[]> {
    const [{ feeds, outputs }] = runs;
    if (runs.length === 1) return [await this.session.run(feeds, outputs)];
    const { images, rows } = this.batching;
    const all = runs.map((own) => own.feeds);
    const { dims } = feeds[images];
    const results = await this.session.run({
      [images]: { type: 'float32', dims: [runs.length, ...dims.slice(1)], data: this.joinedImages(all) },
      ...this.joinedRows(all),
    }, outputs);
    const counts = all.map((own) => own[rows].dims[0]);
    return split(results, counts);
  }

  private joinedImages(all: readonly Feeds[]): Float32Array {
    const parts = all.map((feeds) => floats(feeds[this.batching.images]));
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (this.buffer.length < length) this.buffer = new Float32Array(length);
    let end = 0;
    for (const part of parts) {
      this.buffer.set(part, end);
      end += part.length;
    }
    return this.buffer.subarray(0, length);
  }

  private joinedRows(all: readonly Feeds[]): Feeds {
    const { rows, imageOfRow } = this.batching;
    const numbers = all.flatMap((feeds) => [...integers(feeds[rows])]);
    const owners = all.flatMap((feeds, i) => Array<bigint>(feeds[rows].dims[0]).fill(BigInt(i)));
    return { [rows]: integerTensor(numbers), [imageOfRow]: integerTensor(owners) };
  }
}

/** The rows of each run. */
function split(results: Results, counts: readonly number[]): Results[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let end = 0;
  return counts.map((count) => {
    const start = end;
    end += count;
    return Object.fromEntries(Object.entries(results).map(([name, tensor]): [string, RuntimeTensor] => {
      const { dims: [length, ...dims] } = tensor;
      if (length !== total) throw new TypeError(`the output '${name}' has ${length} rows instead of ${total}`);
      const row = tensor.data.length / total;
      // Copies: a run of one photograph must not keep those of the others in memory.
      return [name, tensor.type === 'float32'
        ? { ...tensor, dims: [count, ...dims], data: tensor.data.slice(start * row, end * row) }
        : { ...tensor, dims: [count, ...dims], data: tensor.data.slice(start * row, end * row) }];
    }));
  });
}

function floats(tensor: RuntimeTensor): Float32Array {
  if (tensor.type !== 'float32') throw new TypeError('images are float32');
  return tensor.data;
}

function integers(tensor: RuntimeTensor): BigInt64Array {
  if (tensor.type !== 'int64') throw new TypeError('rows are int64');
  return tensor.data;
}

function integerTensor(values: readonly bigint[]): RuntimeTensor {
  return { type: 'int64', dims: [values.length], data: BigInt64Array.from(values) };
}
