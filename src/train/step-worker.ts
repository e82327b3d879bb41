import { workerData } from 'piscina';
import { messageOf } from '../errors.js';
import { ownBytes } from '../jobs/workers/shared-bytes.js';
import { openRuntime } from '../runtime/open.js';
import type { RuntimeChoice } from '../runtime/open.js';
import type { RuntimeTensor, Session } from '../runtime/runtime.js';
import type { GroupRange } from './batch-workers.js';
import type { ParameterGroup } from './parameters.js';
import type { UpdateSettings, UpdateStep } from './update.js';
import { updateGroup } from './update.js';

/** The numbers of all parameters, group by group, in memory shared by all workers. */
export interface SharedNumbers {
  readonly weights: Float32Array;
  readonly velocity: Float32Array;
  readonly squares: Float32Array | undefined;
  readonly average: Float32Array | undefined;
  /** The sum of the gradients of each worker. */
  readonly gradients: readonly Float32Array[];
}

/** An input or output of the pass in shared memory. */
export interface SharedTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** The position of a parameter in the {@link SharedNumbers}, and its names in the pass. */
export interface PlacedParameter {
  readonly name: string;
  readonly gradient: string;
  readonly dims: readonly number[];
  readonly offset: number;
  readonly size: number;
}

/** The data of a worker, for all of its passes. */
export interface StepWorkerData {
  readonly worker: number;
  /** For each kind of batch, the serialised training pass in shared memory, and its inputs, which are written before each pass. */
  readonly kinds: readonly { readonly graph: Uint8Array; readonly inputs: readonly SharedTensor[] }[];
  readonly runtime: RuntimeChoice;
  readonly threads: number;
  readonly loss: string;
  readonly parameters: readonly PlacedParameter[];
  readonly numbers: SharedNumbers;
  readonly groups: readonly (Pick<ParameterGroup, 'head' | 'decays' | 'size'> & { readonly offset: number })[];
  /** The parts of the groups that this worker updates. */
  readonly share: readonly GroupRange[];
  readonly settings: UpdateSettings;
}

/**
 * A pass of a batch of some kind, whose gradients are added to the earlier ones (`add`) or start a new sum; or an update after the passes of
 * all workers.
 */
export type StepTask = { readonly kind: 'pass'; readonly batch: number; readonly add: boolean } | { readonly kind: 'update'; readonly step: UpdateStep };

/** The loss of a pass (0 for an update), or the reason of its failure. */
export type StepResult = { readonly loss: number } | { readonly reason: string };

const data = workerData as StepWorkerData;
const { numbers, parameters } = data;

/** A session for each kind of batch, and its feeds: copies, because the runtime does not accept shared memory. */
const passes = data.kinds.map(({ inputs }) => ({
  session: undefined as Promise<Session> | undefined,
  feeds: feedsOf([...inputs, ...parameters.map(({ name, dims, offset, size }) => (
    { name, dims, data: numbers.weights.subarray(offset, offset + size) }))]),
}));

function feedsOf(tensors: readonly SharedTensor[]): Record<string, RuntimeTensor & { readonly type: 'float32' }> {
  return Object.fromEntries(tensors.map(({ name, dims, data: shared }) => [name, { type: 'float32', dims, data: new Float32Array(shared.length) }]));
}

/** The entry point of the worker. It never throws; a failure is a result. */
export default async function run(task: StepTask): Promise<StepResult> {
  try {
    if (task.kind === 'pass') return { loss: await pass(task.batch, task.add) };
    update(task.step);
    return { loss: 0 };
  } catch (error) {
    return { reason: messageOf(error) };
  }
}

async function pass(batch: number, add: boolean): Promise<number> {
  const own = passes[batch];
  own.session ??= openRuntime(data.runtime).then(({ runtime }) => (
    runtime.load(ownBytes(data.kinds[batch].graph), { threads: data.threads, steady: true, overwrite: true })));
  const loaded = await own.session;
  for (const { name, data: shared } of data.kinds[batch].inputs) own.feeds[name].data.set(shared);
  for (const { name, offset, size } of parameters) own.feeds[name].data.set(numbers.weights.subarray(offset, offset + size));
  const results = await loaded.run(own.feeds);
  for (const { gradient: name, offset, size } of parameters) {
    const gradient = results[name].data as Float32Array;
    const sum = numbers.gradients[data.worker].subarray(offset, offset + size);
    if (add) for (let i = 0; i < size; i++) sum[i] += gradient[i];
    else sum.set(gradient);
  }
  return (results[data.loss].data as Float32Array)[0];
}

function update(step: UpdateStep): void {
  for (const { group, from, to } of data.share) {
    const { offset, size, ...kind } = data.groups[group];
    const own = (vector: Float32Array): Float32Array => vector.subarray(offset, offset + size);
    const vectors = {
      weights: own(numbers.weights), gradients: numbers.gradients.map(own),
      velocity: own(numbers.velocity), squares: numbers.squares && own(numbers.squares), average: numbers.average && own(numbers.average),
    };
    updateGroup(kind, vectors, [from, to], data.settings, step);
  }
}
