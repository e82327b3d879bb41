import { UserError } from '../errors.js';
import type { ClassifierGraph } from '../cam/classifier.js';
import type { OnnxModel } from '../onnx/model.js';
import { OnnxTensor } from '../onnx/tensor.js';
import { serializeModel } from '../onnx/write.js';
import type { Runtime, RuntimeTensor, Session } from '../runtime/runtime.js';
import { groupParameters } from './parameters.js';
import type { Parameter, ParameterGroup } from './parameters.js';
import {
  AVERAGE_DECAY, buildTrainingGraph, buildUpdateGraph, GRADIENT_SCALE, gradientOutput, LOSS, RATE, TARGETS, updated, updateVector,
} from './training-graph.js';
import type { UpdateSettings } from './training-graph.js';

/** The numbers that training changes, one vector per group of parameters. */
export interface GroupState {
  weights: Float32Array;
  velocity: Float32Array;
  /** The moving average of the weights, where one is kept. */
  average?: Float32Array;
}

export interface TrainerOptions extends UpdateSettings {
  /** Images per pass. */
  readonly batchSize: number;
  /** The side of a training image, in pixels. */
  readonly imageSize: number;
  readonly runtime: Runtime;
  readonly threads: number;
}

/**
 * Trains the parameters of a classifier, batch by batch. Passes and updates are graphs that the runtime executes; the
 * numbers lie here in between.
 *
 * ```ts
 * const trainer = await Trainer.create(classifier, trainableParameters(classifier), options);
 * const loss = await trainer.pass(images, targets); // once, or several times to accumulate gradients
 * await trainer.update(rate);
 * const model = trainer.model('average');
 * ```
 */
export class Trainer {
  readonly state: GroupState[];
  private readonly gradients: Float32Array[];
  /** Every parameter in the order of the graph's outputs, and the group it lies in. */
  private readonly places: readonly { readonly parameter: ParameterGroup['parameters'][number]; readonly group: number }[];
  private passes = 0;

  private constructor(
    private readonly classifier: ClassifierGraph, parameters: readonly Parameter[], private readonly groups: readonly ParameterGroup[],
    private readonly passSession: Session, private readonly updateSession: Session, private readonly options: TrainerOptions,
  ) {
    const { initializers } = classifier.model.graph;
    this.state = groups.map((group) => {
      const weights = new Float32Array(group.size);
      for (const { name, offset } of group.parameters) weights.set(initializers.get(name)!.toFloat32(), offset);
      return { weights, velocity: new Float32Array(group.size), average: options.average ? weights.slice() : undefined };
    });
    this.gradients = groups.map(({ size }) => new Float32Array(size));
    const places = new Map(groups.flatMap((own, group) => own.parameters.map((parameter) => [parameter.name, { parameter, group }])));
    this.places = parameters.map(({ name }) => places.get(name)!);
  }

  /** @throws UserError where an operator between the logits and a parameter has no gradient rule */
  static async create(classifier: ClassifierGraph, parameters: readonly Parameter[], options: TrainerOptions): Promise<Trainer> {
    const { runtime, threads, batchSize, imageSize } = options;
    const groups = groupParameters(parameters, options.optimiser === 'lars');
    const pass = buildTrainingGraph(classifier, parameters, [batchSize, imageSize]);
    const [passSession, updateSession] = await Promise.all([pass, buildUpdateGraph(groups, options)].map(
      async (graph) => runtime.load(serializeModel(graph), { threads, steady: true }),
    ));
    return new Trainer(classifier, parameters, groups, passSession, updateSession, options);
  }

  /**
   * Runs a batch forward and backward, and adds its gradients to those of earlier passes since the last update.
   *
   * @param images NCHW [N, 3, S, S], normalised as the classifier wants it
   * @param targets [N, classes], 0 or 1
   * @returns the loss: the mean over images and classes of the binary cross-entropy
   */
  async pass(images: Float32Array, targets: Float32Array): Promise<number> {
    const { input, classCount } = this.classifier;
    const { batchSize, imageSize } = this.options;
    const results = await this.passSession.run({
      [input.name]: float(images, [batchSize, input.channels, imageSize, imageSize]),
      [TARGETS]: float(targets, [batchSize, classCount]),
      ...Object.fromEntries(this.places.map(({ parameter: { name, dims, offset, size }, group }) => [
        name, float(this.state[group].weights.subarray(offset, offset + size), dims),
      ])),
    });
    this.places.forEach(({ group, parameter: { offset, size } }, i) => {
      const gradient = results[gradientOutput(i)].data as Float32Array;
      const sum = this.gradients[group];
      if (this.passes === 0) sum.set(gradient, offset);
      else for (let j = 0; j < size; j++) sum[offset + j] += gradient[j];
    });
    this.passes++;
    return (results[LOSS].data as Float32Array)[0];
  }

  /**
   * Moves the weights against the mean gradient of the passes since the last update.
   *
   * @param averageDecay how much of the moving average stays, 0..1
   */
  async update(rate: number, averageDecay = 0): Promise<void> {
    if (this.passes === 0) throw new Error('an update needs at least one pass before it');
    const one = (value: number): RuntimeTensor => float(Float32Array.of(value), [1]);
    const feeds: Record<string, RuntimeTensor> = { [RATE]: one(rate), [GRADIENT_SCALE]: one(1 / this.passes) };
    if (this.options.average) feeds[AVERAGE_DECAY] = one(averageDecay);
    this.groups.forEach(({ size }, i) => {
      const { weights, velocity, average } = this.state[i];
      feeds[updateVector('weights', i)] = float(weights, [size]);
      feeds[updateVector('gradient', i)] = float(this.gradients[i], [size]);
      feeds[updateVector('velocity', i)] = float(velocity, [size]);
      if (average !== undefined) feeds[updateVector('average', i)] = float(average, [size]);
    });
    const results = await this.updateSession.run(feeds);
    const vector = (kind: 'weights' | 'velocity' | 'average', group: number): Float32Array => results[updated(updateVector(kind, group))].data as Float32Array;
    this.state.forEach((own, i) => {
      own.weights = vector('weights', i);
      own.velocity = vector('velocity', i);
      if (own.average !== undefined) own.average = vector('average', i);
    });
    this.passes = 0;
  }

  /**
   * The classifier with the weights of now, or their moving average.
   *
   * @throws UserError where an average is wanted and none is kept
   */
  model(which: 'weights' | 'average'): OnnxModel {
    const { model } = this.classifier;
    const initializers = new Map(model.graph.initializers);
    for (const { parameter: { name, dims, offset, size }, group } of this.places) {
      const vector = this.state[group][which];
      if (vector === undefined) throw new UserError('no moving average of the weights is kept');
      initializers.set(name, OnnxTensor.float32(dims, vector.slice(offset, offset + size)));
    }
    return { ...model, graph: { ...model.graph, initializers } };
  }

  async release(): Promise<void> {
    await this.passSession.release();
    await this.updateSession.release();
  }
}

function float(data: Float32Array, dims: readonly number[]): RuntimeTensor {
  return { type: 'float32', dims, data };
}
