import type { CamMethodName, CamTargetName } from './names.js';
import { DEFAULT_CHANNEL_BATCH } from './names.js';
import { UserError } from '../errors.js';
import { ownBytes, shareBytes } from '../jobs/workers/shared-bytes.js';
import type { FeatureLayer } from '../classifier/layers.js';
import type { OnnxModel } from '../onnx/model.js';
import type { Size } from '../size.js';
import { serializeModel } from '../onnx/file/write.js';
import type { Runtime, SessionOptions } from '../runtime/runtime.js';
import type { ChannelPlan } from './channel-program.js';
import { ChannelProgram } from './channel-program.js';
import { buildAblatedGraph, buildActivationGraph, buildMaskedGraph, takesBatches } from './channel-graphs.js';
import type { ClassifierGraph } from '../classifier/classifier.js';
import type { LayerMaps } from './layer-maps.js';
import { buildCamGraph } from './gradient-graph.js';
import type { CamResult } from './gradient-program.js';
import { GradientProgram, NO_MAPS } from './gradient-program.js';
import { camMethods } from './methods/index.js';
import type { ChannelMethod } from './methods/method.js';
import { requireTarget } from './target.js';

/** What maps are wanted. */
export interface CamOptions {
  /** At least one; gradient-based and gradient-free ones may be mixed. */
  readonly methods: readonly CamMethodName[];
  /** What of a class is explained; its logit unless given. CAM takes the logit always. */
  readonly target?: CamTargetName;
  /** Score-CAM takes the channels with the largest mean activations only, this many; all of them unless given. */
  readonly scoreCamTopK?: number;
  /** How many channels Score-CAM and Ablation-CAM send through the network at once; 16 unless given. */
  readonly scoreCamBatch?: number;
  /** Which methods at which layers, as indices into both; all at all unless given. */
  readonly picks?: readonly CamPick[];
}

/** A method at a layer, as indices into the lists of both. */
export interface CamPick {
  readonly method: number;
  readonly layer: number;
}

/**
 * All that is needed to make maps of a classifier at some layers by some methods: plain data, which crosses to worker
 * threads; its graphs lie in shared memory.
 */
export interface CamPlan {
  readonly methods: readonly CamMethodName[];
  /** The name of the image input. */
  readonly input: string;
  readonly layerCount: number;
  /** One program for all gradient methods, which share their gradients. */
  readonly gradient?: { readonly graph: Uint8Array; readonly methods: readonly CamMethodName[] };
  /** What the methods without gradients share. */
  readonly channels?: ChannelPlan;
}

/**
 * Builds the graphs that make maps.
 *
 * @param layers shallowest first, as `resolveLayers` gives them
 * @throws UserError where a method or the target is not defined for the classifier, or cannot be taken at a layer
 */
export function prepareCam(classifier: ClassifierGraph, layers: readonly FeatureLayer[], options: CamOptions): CamPlan {
  const { methods, target = 'logit', scoreCamTopK, scoreCamBatch = DEFAULT_CHANNEL_BATCH } = options;
  if (layers.length === 0 || methods.length === 0 || options.picks?.length === 0) throw new UserError('a CAM program needs at least one layer and one method');
  requireTarget(target, classifier.classCount);
  const wanted = (name: CamMethodName, layer: number): boolean => (
    options.picks === undefined || options.picks.some((pick) => methods[pick.method] === name && pick.layer === layer)
  );
  const gradient = methods.flatMap((name) => {
    const method = camMethods[name];
    return method.kind === 'gradient' ? [{ name, method }] : [];
  });
  const methodsAt = layers.map((_, l) => methods.filter((name) => camMethods[name].kind === 'channels' && wanted(name, l)));
  return {
    methods, input: classifier.input.name, layerCount: layers.length,
    gradient: gradient.length === 0
      ? undefined
      : {
          graph: shared(buildCamGraph(classifier, layers, gradient.map(({ method }) => method), target, (m, l) => wanted(gradient[m].name, l))),
          methods: gradient.map(({ name }) => name),
        },
    channels: methodsAt.every((names) => names.length === 0)
      ? undefined
      : channelPlan(classifier, layers, methodsAt, { target, topK: scoreCamTopK, batch: scoreCamBatch }),
  };
}

function channelPlan(
  classifier: ClassifierGraph, layers: readonly FeatureLayer[], methodsAt: ChannelPlan['methodsAt'],
  { batch, ...settings }: Pick<ChannelPlan, 'target' | 'topK' | 'batch'>,
): ChannelPlan {
  const at = (change: ChannelMethod['change']): FeatureLayer[] => layers.filter((_, l) => methodsAt[l].some((name) => {
    const method = camMethods[name];
    return method.kind === 'channels' && method.change === change;
  }));
  const [masked, ablated] = [at('mask'), at('ablate')];
  const other = [...masked, ...ablated].find(({ arrangement }) => arrangement.kind !== 'channels-first');
  if (other !== undefined) {
    throw new UserError(`Score-CAM and Ablation-CAM cannot be taken at '${other.name}': it is no map of channels [N, C, h, w]`, 'use a method with gradients, such as --method layer-cam');
  }
  const input = classifier.input.name;
  const rests = ablated.map((layer) => ({ layer: layer.name, ...buildAblatedGraph(classifier, layer) }));
  const carried = rests.flatMap((rest) => rest.carried).filter((name) => name !== input);
  const names = layers.filter((_, l) => methodsAt[l].length > 0).map(({ name }) => name);
  return {
    input, layers: layers.map(({ name }) => name), methodsAt, ...settings,
    batch: takesBatches(classifier) ? batch : 1,
    activations: shared(buildActivationGraph(classifier, [...new Set([...names, ...carried])])),
    masked: masked.length === 0 ? undefined : shared(buildMaskedGraph(classifier)),
    ablated: Object.fromEntries(rests.map((rest) => [rest.layer, { graph: shared(rest.model), carried: rest.carried }])),
  };
}

function shared(model: OnnxModel): Uint8Array {
  return shareBytes(serializeModel(model));
}

/**
 * Loads a plan into a runtime.
 *
 * ```ts
 * const layers = classifier.resolveLayers(['/16', '/32']);
 * const plan = prepareCam(classifier, layers, { methods: ['layer-cam', 'score-cam'] });
 * const cam = await openCam(plan, ortRuntime, { threads: 2 });
 * const { maps: [layerCam, scoreCam] } = await cam.run(tensor, [320, 427], [7, 14]);
 * ```
 */
export async function openCam(plan: CamPlan, runtime: Runtime, options: SessionOptions): Promise<CamRunner> {
  const { gradient, channels, input, layerCount } = plan;
  const counts = { methods: gradient?.methods.length ?? 0, layers: layerCount };
  const program = gradient && await GradientProgram.load(ownBytes(gradient.graph), input, counts, runtime, options);
  return new CamRunner(plan, program, channels && await ChannelProgram.load(channels, runtime, options));
}

/** A plan that a runtime has loaded: image and classes in, small maps of every method at every layer out. */
export class CamRunner {
  /** Made by {@link openCam}. */
  constructor(
    private readonly plan: CamPlan, private readonly gradient: GradientProgram | undefined, private readonly channels: ChannelProgram | undefined,
  ) {}

  /**
   * @param image NCHW [1, 3, H, W], normalised as the classifier wants it
   * @param size [H, W]
   * @param classes indices of logits, at least one
   */
  async run(image: Float32Array, size: Size, classes: readonly number[]): Promise<CamResult> {
    const { methods, layerCount } = this.plan;
    const ofGradients = this.plan.gradient?.methods ?? [];
    const ofChannels = methods.filter((name) => !ofGradients.includes(name));
    const fromGradients = await this.gradient?.run(image, size, classes);
    const fromChannels = await this.channels?.run(image, size, classes, ofChannels);
    const none = Array<LayerMaps>(layerCount).fill(NO_MAPS);
    return {
      logits: (fromGradients ?? fromChannels)!.logits,
      maps: methods.map((name) => fromGradients?.maps[ofGradients.indexOf(name)] ?? fromChannels?.maps[ofChannels.indexOf(name)] ?? none),
    };
  }

  async release(): Promise<void> {
    await this.gradient?.release();
    await this.channels?.release();
  }
}
