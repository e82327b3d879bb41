import type { ClassifierGraph } from '../classifier/classifier.js';
import { UserError } from '../errors.js';
import { WorkerPool } from '../jobs/workers/pool.js';
import { shareBytes } from '../jobs/workers/shared-bytes.js';
import { workerUrl } from '../jobs/workers/worker-url.js';
import type { OnnxModel } from '../onnx/model.js';
import { OnnxTensor } from '../onnx/tensor.js';
import { serializeModel } from '../onnx/file/write.js';
import { channelBlock } from '../runtime/blocked/channel-block.js';
import { requireGradients } from '../runtime/device-limits.js';
import { openRuntime } from '../runtime/open.js';
import type { RuntimeChoice } from '../runtime/open.js';
import { planBatchWorkers, shareNumbers } from './batch-workers.js';
import type { StepResult, StepTask, StepWorkerData, PlacedParameter, SharedNumbers, SharedTensor } from './step-worker.js';
import { groupParameters } from './parameters.js';
import type { Parameter, ParameterGroup } from './parameters.js';
import { buildTrainingGraph, gradientOutput, LOSS, TARGETS } from './training-graph.js';
import type { PassShape } from './training-graph.js';
import type { UpdateSettings } from './update.js';

/** The numbers of a group of parameters that training changes. */
export interface GroupState {
  readonly weights: Float32Array;
  readonly velocity: Float32Array;
  /** The mean of the squared gradients, with the optimiser `adamw`. */
  readonly squares?: Float32Array;
  /** The moving average of the weights, if there is one. */
  readonly average?: Float32Array;
}

/** Batches of the same shape. */
export interface BatchKind {
  /** The inputs of a pass besides the parameters, with their shapes without the batch. */
  readonly inputs: readonly { readonly name: string; readonly dims: readonly number[] }[];
  /** Makes the graph of a pass, which has the inputs, outputs and loss of {@link buildTrainingGraph}. */
  readonly build: (shape: Pick<PassShape, 'images' | 'batch' | 'block'>) => OnnxModel;
}

export interface PassOptions extends UpdateSettings {
  /** Images per pass. */
  readonly batchSize: number;
  /** Threads for a pass. It is split among this number of workers, except on an accelerator, which has one. */
  readonly threads: number;
  /** The runtime of the passes. Default: the best one of this machine. */
  readonly runtime?: RuntimeChoice;
}

export interface TrainerOptions extends PassOptions {
  /** The side of a training image, in pixels. */
  readonly imageSize: number;
}

/** A worker thread with its own sessions, and its part of a batch: the inputs of each kind. */
interface StepWorker {
  readonly pool: WorkerPool<StepTask, StepResult>;
  readonly inputs: readonly (readonly Float32Array[])[];
}

/**
 * Trains the parameters of a network, batch by batch. A pass is a graph that a runtime executes in worker threads, each with
 * a part of the batch. The numbers are in memory shared by the workers, and each worker updates a part of them. Sums over
 * workers have a fixed order: the same number of workers gives the same result, bit by bit. Another number gives the same
 * result except for rounding.
 *
 * ```ts
 * const trainer = await Trainer.create(classifier, trainableParameters(classifier), options);
 * const loss = await trainer.pass(images, targets); // once, or several times to accumulate gradients
 * await trainer.update(rate);
 * const model = trainer.model('average');
 * ```
 */
export class Trainer {
  readonly state: readonly GroupState[];
  /** The number of updates so far. Set it when the state is restored. */
  updates = 0;
  private passes = 0;

  private constructor(
    private readonly start: OnnxModel, private readonly groups: readonly ParameterGroup[], { weights, velocity, squares, average }: SharedNumbers,
    private readonly workers: readonly StepWorker[],
    /** A description of the runtime. */
    readonly runtime: string,
  ) {
    const starts = startsOf(groups);
    this.state = groups.map(({ size }, i) => {
      const own = (vector: Float32Array): Float32Array => vector.subarray(starts[i], starts[i] + size);
      return { weights: own(weights), velocity: own(velocity), ...(squares && { squares: own(squares) }), ...(average && { average: own(average) }) };
    });
  }

  /** The number of workers that share a batch. */
  get workerCount(): number {
    return this.workers.length;
  }

  /**
   * Trains a classifier on image-level labels: the kind of batch has images [N, 3, S, S] and targets [N, classes].
   *
   * @throws UserError if an operator between the logits and a parameter has no gradient rule
   */
  static async create(
    classifier: ClassifierGraph, parameters: readonly Parameter[], { imageSize: size, ...options }: TrainerOptions,
  ): Promise<Trainer> {
    const { input, classCount, model } = classifier;
    return Trainer.of(model, parameters, [{
      inputs: [{ name: input.name, dims: [input.channels, size, size] }, { name: TARGETS, dims: [classCount] }],
      build: (shape) => buildTrainingGraph(classifier, parameters, { ...shape, size }),
    }], options);
  }

  /**
   * @param start a model with the initial values of the parameters
   * @param kinds of batches
   * @throws UserError if an operator between the loss and a parameter has no gradient rule
   */
  static async of(start: OnnxModel, parameters: readonly Parameter[], kinds: readonly BatchKind[], options: PassOptions): Promise<Trainer> {
    const { batchSize, threads, optimiser, momentum, weightDecay, headRate, restRate, average } = options;
    const opened = await openRuntime(options.runtime);
    requireGradients(opened);
    const { runtime, choice, accelerated, description } = opened;
    const plan = planBatchWorkers(batchSize, accelerated ? 1 : threads);
    const groups = groupParameters(parameters, optimiser === 'lars');
    const starts = startsOf(groups);
    const numbers = sharedNumbers(start, groups, plan.images.length, { average, squares: optimiser === 'adamw' });
    const offsets = new Map(groups.flatMap((group, i) => (
      group.parameters.map(({ name, offset, size: own }) => [name, { offset: starts[i] + offset, size: own }] as const))));
    const placed = parameters.map(({ name, dims }, i): PlacedParameter => ({ name, gradient: gradientOutput(i), dims, ...offsets.get(name)! }));
    const shares = shareNumbers(groups, plan.images.length, optimiser === 'lars');
    const block = await channelBlock(runtime);
    // Workers with the same number of images share their graphs.
    const graphs = new Map([...new Set(plan.images)].map((images) => [
      images, kinds.map(({ build }) => shareBytes(serializeModel(build({ images, batch: batchSize, block })))),
    ]));
    const workers = plan.images.map((images, worker): StepWorker => {
      const inputs = kinds.map((kind) => kind.inputs.map(({ name, dims }) => sharedTensor(name, [images, ...dims])));
      const pool = new WorkerPool<StepTask, StepResult>({
        worker: workerUrl('./step-worker.js', import.meta.url), threads: 1,
        data: {
          worker, runtime: choice, threads: plan.threads, loss: LOSS, parameters: placed, numbers,
          kinds: graphs.get(images)!.map((graph, i) => ({ graph, inputs: inputs[i] })),
          groups: groups.map(({ head, decays, size: own }, i) => ({ head, decays, size: own, offset: starts[i] })), share: shares[worker],
          settings: { optimiser, momentum, weightDecay, headRate, restRate, average },
        } satisfies StepWorkerData,
      });
      return { pool, inputs: inputs.map((own) => own.map(({ data }) => data)) };
    });
    return new Trainer(start, groups, numbers, workers, description);
  }

  /**
   * Runs a batch forward and backward, and adds its gradients to those since the last update.
   *
   * @param images NCHW [N, 3, S, S], normalised as the classifier expects
   * @param targets [N, classes], 0 or 1
   * @returns the loss: the mean binary cross-entropy over images and classes
   */
  async pass(images: Float32Array, targets: Float32Array): Promise<number> {
    return this.passOf(0, [images, targets]);
  }

  /**
   * Like {@link pass}, for a batch of any kind.
   *
   * @param kind its index
   * @param values of each input, [N, ...its dimensions]
   */
  async passOf(kind: number, values: readonly Float32Array[]): Promise<number> {
    const at = values.map(() => 0);
    for (const { inputs } of this.workers) {
      inputs[kind].forEach((own, i) => { own.set(values[i].subarray(at[i], at[i] += own.length)); });
    }
    const losses = await this.inAllLanes({ kind: 'pass', batch: kind, add: this.passes > 0 });
    this.passes++;
    return losses.reduce((sum, loss) => sum + loss);
  }

  /**
   * Updates the weights by the mean gradient of the passes since the last update.
   *
   * @param averageDecay the decay of the moving average, 0..1
   */
  async update(rate: number, averageDecay = 0): Promise<void> {
    if (this.passes === 0) throw new Error('call pass() at least once before update()');
    await this.inAllLanes({ kind: 'update', step: { number: this.updates + 1, rate, scale: 1 / this.passes, averageDecay } });
    this.updates++;
    this.passes = 0;
  }

  private async inAllLanes(task: StepTask): Promise<number[]> {
    // Wait for all workers before a failure is reported, so that none writes to the shared numbers any more.
    const results = await Promise.all(this.workers.map(({ pool }) => pool.run(task)));
    return results.map((result) => {
      if ('reason' in result) throw new UserError(`the training ${task.kind} failed: ${result.reason}`);
      return result.loss;
    });
  }

  /**
   * The model with the current weights or their moving average.
   *
   * @throws UserError if the average is requested but not kept
   */
  model(which: 'weights' | 'average'): OnnxModel {
    const { start } = this;
    const initializers = new Map(start.graph.initializers);
    this.groups.forEach(({ parameters }, i) => {
      const vector = this.state[i][which];
      if (vector === undefined) throw new UserError('the trainer keeps no moving average of the weights', 'create it with the option average: true');
      for (const { name, dims, offset, size } of parameters) initializers.set(name, OnnxTensor.float32(dims, vector.slice(offset, offset + size)));
    });
    return { ...start, graph: { ...start.graph, initializers } };
  }

  /** Whether all weights are finite. A finite loss only shows this for the weights before the last update. */
  isFinite(): boolean {
    return this.state.every(({ weights, average }) => weights.every(Number.isFinite) && (average?.every(Number.isFinite) ?? true));
  }

  async release(): Promise<void> {
    await Promise.all(this.workers.map(({ pool }) => pool.destroy()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}

/** The offset of each group in the vectors of all groups. */
function startsOf(groups: readonly ParameterGroup[]): number[] {
  let end = 0;
  return groups.map(({ size }) => (end += size) - size);
}

function sharedNumbers(
  start: OnnxModel, groups: readonly ParameterGroup[], workers: number, kept: { readonly average: boolean; readonly squares: boolean },
): SharedNumbers {
  const total = groups.reduce((sum, { size }) => sum + size, 0);
  const weights = sharedFloats(total);
  const starts = startsOf(groups);
  const { initializers } = start.graph;
  groups.forEach(({ parameters }, i) => {
    for (const { name, offset } of parameters) weights.set(initializers.get(name)!.toFloat32(), starts[i] + offset);
  });
  const copy = kept.average ? sharedFloats(total) : undefined;
  copy?.set(weights);
  return {
    weights, velocity: sharedFloats(total), squares: kept.squares ? sharedFloats(total) : undefined, average: copy,
    gradients: Array.from({ length: workers }, () => sharedFloats(total)),
  };
}

function sharedTensor(name: string, dims: readonly number[]): SharedTensor {
  return { name, dims, data: sharedFloats(dims.reduce((a, b) => a * b)) };
}

function sharedFloats(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(4 * length));
}
