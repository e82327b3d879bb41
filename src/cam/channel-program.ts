import type { CamMethodName, CamTargetName } from './names.js';
import { loadGraph } from '../runtime/load-graph.js';
import type { Size } from '../size.js';
import type { Runtime, RuntimeTensor, Session, SessionOptions } from '../runtime/runtime.js';
import { CAM_CHANNELS, CAM_MASKS } from './channel-graphs.js';
import type { LayerMaps } from './layer-maps.js';
import { CAM_LOGITS } from './gradient-graph.js';
import type { CamResult } from './gradient-program.js';
import { floatsOf } from './gradient-program.js';
import { camMethods } from './methods/index.js';
import { camTargets } from './target.js';

/** What the methods without gradients need, as plain data. Graphs are serialised and in shared memory. */
export interface ChannelPlan {
  /** The name of the image input. */
  readonly input: string;
  /** The maps to make, in the order of the result. */
  readonly requests: readonly { readonly layer: string; readonly method: CamMethodName }[];
  readonly target: CamTargetName;
  readonly finerStrength: number | undefined;
  /** How many channels run at once. */
  readonly batch: number;
  /** For masks: how many channels are used, those with the largest mean activations; `undefined`: all. */
  readonly topK: number | undefined;
  /** Image to logits and activations. */
  readonly activations: Uint8Array;
  /** Image and masks to logits. */
  readonly masked?: Uint8Array;
  /** By layer: the graph from the layer to logits, and the other tensors that it needs. */
  readonly ablated: Readonly<Record<string, { readonly graph: Uint8Array; readonly carried: readonly string[] }>>;
}

/** The activations of a layer for one image, [C, height, width]. */
interface Activation extends LayerMaps {
  readonly channels: number;
}

/** Score-CAM and Ablation-CAM: the network runs once per channel of a layer, for all classes of the image together. */
export class ChannelProgram {
  private constructor(
    private readonly plan: ChannelPlan, private readonly activations: Session,
    private readonly masked: Session | undefined, private readonly ablated: ReadonlyMap<string, Session>,
  ) {}

  static async load(plan: ChannelPlan, runtime: Runtime, options: SessionOptions): Promise<ChannelProgram> {
    const load = (graph: Uint8Array): Promise<Session> => loadGraph(runtime, graph, options);
    const ablated = new Map<string, Session>();
    for (const [layer, { graph }] of Object.entries(plan.ablated)) ablated.set(layer, await load(graph));
    return new ChannelProgram(plan, await load(plan.activations), plan.masked && await load(plan.masked), ablated);
  }

  /**
   * @param image NCHW [1, 3, H, W], normalised for the classifier
   * @param classes indices of logits, at least one
   */
  async run(image: Float32Array, [height, width]: Size, classes: readonly number[]): Promise<CamResult> {
    const { input, requests, target, finerStrength } = this.plan;
    const photo: RuntimeTensor = { type: 'float32', dims: [1, image.length / (height * width), height, width], data: image };
    const tensors = { [input]: photo, ...await this.activations.run({ [input]: photo }) };
    const logits = floatsOf(tensors[CAM_LOGITS]);
    const value = (row: Float32Array, c: number): number => camTargets[target].value(row, c, { plain: logits, finerStrength });
    const maps: LayerMaps[] = [];
    for (const { layer, method } of requests) {
      const activation = activationOf(tensors[layer]);
      const { change, weights } = channelMethod(method);
      const scores = change === 'mask' ? await this.maskAll(photo, activation) : await this.ablateAll(layer, tensors, activation);
      const perClass = classes.map((c) => {
        const changed = Float64Array.from(scores.perChannel, (row) => value(row, c));
        return weights({ plain: value(logits, c), changed });
      });
      maps.push(weightedMaps(activation, scores.channels, perClass));
    }
    return { logits, maps };
  }

  /** The logits for each channel as a mask. */
  private async maskAll(photo: RuntimeTensor, activation: Activation): Promise<ChannelLogits> {
    const { height, width, data } = activation;
    const area = height * width;
    const channels = largestChannels(activation, this.plan.topK);
    return this.eachChannel(channels, activation, isConstant, async (batch) => {
      const masks = new Float32Array(batch.length * area);
      batch.forEach((channel, i) => { masks.set(data.subarray(channel * area, (channel + 1) * area), i * area); });
      return this.masked!.run({ [this.plan.input]: photo, [CAM_MASKS]: { type: 'float32', dims: [batch.length, 1, height, width], data: masks } });
    });
  }

  /** The logits without each channel. */
  private async ablateAll(layer: string, tensors: Readonly<Record<string, RuntimeTensor>>, activation: Activation): Promise<ChannelLogits> {
    const read = [layer, ...this.plan.ablated[layer].carried];
    const feeds = Object.fromEntries(read.map((name) => [name, tensors[name]]));
    const channels = Array.from({ length: activation.channels }, (_, k) => k);
    return this.eachChannel(channels, activation, isZero, async (batch) => this.ablated.get(layer)!.run({
      ...feeds, [CAM_CHANNELS]: { type: 'int64', dims: [batch.length], data: BigInt64Array.from(batch, BigInt) },
    }));
  }

  /**
   * Runs the network for some channels, in batches.
   *
   * @param same whether a channel is one of those that all give the same result; only the first of them is run
   */
  private async eachChannel(
    channels: readonly number[], { data, height, width }: Activation, same: (values: Float32Array) => boolean,
    run: (batch: readonly number[]) => Promise<Readonly<Record<string, RuntimeTensor>>>,
  ): Promise<ChannelLogits> {
    const area = height * width;
    const alike = channels.filter((channel) => same(data.subarray(channel * area, (channel + 1) * area)));
    const skipped = new Set(alike.slice(1));
    const open = channels.filter((channel) => !skipped.has(channel));
    const rows = new Map<number, Float32Array>();
    for (let start = 0; start < open.length; start += this.plan.batch) {
      const batch = open.slice(start, start + this.plan.batch);
      const logits = floatsOf((await run(batch))[CAM_LOGITS]);
      const classes = logits.length / batch.length;
      batch.forEach((channel, i) => rows.set(channel, logits.subarray(i * classes, (i + 1) * classes)));
    }
    return { channels, perChannel: channels.map((channel) => rows.get(skipped.has(channel) ? alike[0] : channel)!) };
  }

  async release(): Promise<void> {
    for (const session of [this.activations, ...this.masked ? [this.masked] : [], ...this.ablated.values()]) await session.release();
  }
}

/** The channels that were run, and the logits [classes] of each. */
interface ChannelLogits {
  readonly channels: readonly number[];
  readonly perChannel: readonly Float32Array[];
}

function channelMethod(name: CamMethodName): Extract<(typeof camMethods)[CamMethodName], { kind: 'channels' }> {
  const method = camMethods[name];
  if (method.kind !== 'channels') throw new TypeError(`${name} needs no channels`);
  return method;
}

function activationOf(tensor: RuntimeTensor): Activation {
  const [, channels, height, width] = tensor.dims;
  return { channels, height, width, data: floatsOf(tensor) };
}

const isConstant = (values: Float32Array): boolean => values.every((value) => value === values[0]);
const isZero = (values: Float32Array): boolean => values.every((value) => value === 0);

/** The channels with the largest means, in the order of the layer. (If activations are clipped, many maxima are equal.) */
function largestChannels({ channels, height, width, data }: Activation, count = channels): number[] {
  const area = height * width;
  const all = Array.from({ length: channels }, (_, k) => k);
  if (count >= channels) return all;
  const sums = all.map((k) => data.subarray(k * area, (k + 1) * area).reduce((a, b) => a + b, 0));
  return all.sort((a, b) => sums[b] - sums[a]).slice(0, count).sort((a, b) => a - b);
}

/**
 * ReLU(sum_k w_k A_k) for each class, [K, height, width].
 *
 * @param weights per class, in the order of `channels`
 */
function weightedMaps({ height, width, data }: Activation, channels: readonly number[], weights: readonly Float64Array[]): LayerMaps {
  const area = height * width;
  const maps = new Float32Array(weights.length * area);
  const sum = new Float64Array(area);
  weights.forEach((perChannel, c) => {
    sum.fill(0);
    channels.forEach((k, n) => {
      const weight = perChannel[n];
      for (let i = 0; i < area; i++) sum[i] += weight * data[k * area + i];
    });
    for (let i = 0; i < area; i++) maps[c * area + i] = Math.max(0, sum[i]);
  });
  return { height, width, data: maps };
}
