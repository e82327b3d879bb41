import type { CamMethodName, CamTargetName } from './names.js';
import { DEFAULT_CHANNEL_BATCH } from './names.js';
import { UserError } from '../errors.js';
import { shareBytes } from '../jobs/workers/shared-bytes.js';
import type { FeatureLayer } from '../classifier/layers.js';
import type { Prototypes } from '../classifier/prototypes.js';
import type { OnnxModel } from '../onnx/model.js';
import type { Size } from '../size.js';
import { serializeModel } from '../onnx/file/write.js';
import { mayHaveBlocks } from '../runtime/blocked/channel-block.js';
import { isAccelerated } from '../runtime/runtime.js';
import type { Runtime, SessionOptions } from '../runtime/runtime.js';
import { requireSameMaps } from './same-maps.js';
import type { ImageShape } from './same-maps.js';
import type { ChannelPlan } from './channel-program.js';
import { ChannelProgram } from './channel-program.js';
import { buildAblatedGraph, buildActivationGraph, buildMaskedGraph, takesBatches } from './channel-graphs.js';
import type { ClassifierGraph } from '../classifier/classifier.js';
import type { LayerMaps } from './layer-maps.js';
import { batchedCamGraph } from './batched-graph.js';
import { blockedCamGraph } from './blocked-program.js';
import { buildCamGraph } from './gradient-graph.js';
import type { GraphRequest } from './gradient-graph.js';
import type { CamInput, CamResult, GradientPlan } from './gradient-program.js';
import { GradientProgram } from './gradient-program.js';
import { vectorsAt } from './class-vectors.js';
import { camMethods } from './methods/index.js';
import type { ChannelMethod } from './methods/method.js';
import type { TargetOptions } from './target.js';
import { requireTarget } from './target.js';

/** One map per class: a method at a layer. */
export interface CamRequest {
  readonly layer: FeatureLayer;
  readonly method: CamMethodName;
}

/** How maps are made, in addition to methods and layers. */
export interface CamOptions extends TargetOptions {
  /** What of a class is explained; default: `logit`. The method CAM always uses the logit; Eigen-CAM and prototype-cam use no target. */
  readonly target?: CamTargetName;
  /** How many channels Score-CAM uses, those with the largest mean activations; default: all. */
  readonly scoreCamTopK?: number;
  /** How many channels Score-CAM and Ablation-CAM run at once; default: 16. */
  readonly scoreCamBatch?: number;
  /** Prototypes of the classifier's classes, for `prototype-cam`. */
  readonly prototypes?: Prototypes;
  /**
   * How many images of one size go to the network at once; default: 1. An accelerator needs several to be busy, a processor does not.
   * Score-CAM and Ablation-CAM process one image at a time.
   */
  readonly batch?: number;
  /**
   * For ONNX Runtime on the processor: the number of channels in a block of its blocked layout, see `channelBlock`. Graphs of
   * methods with gradients are written in that layout, which is faster. No other runtime can load them. Default: the plain layout.
   */
  readonly block?: number;
  /** Whether worker threads will load the plan; default: true. If not, its graphs are not copied to shared memory. */
  readonly shared?: boolean;
}

/**
 * Everything needed to make some maps of a classifier. It is plain data that can be sent to worker threads; its graphs are in
 * shared memory, unless they were not meant for other threads.
 */
export interface CamPlan {
  /** The name of the image input. */
  readonly input: string;
  readonly shape: ImageShape;
  /** One graph for all methods that need the network once, and the indices of the requests that it answers. */
  readonly gradient?: GradientPlan & { readonly indices: readonly number[] };
  /** See {@link CamOptions.block}. */
  readonly block?: number;
  /** The methods without gradients, and the indices of the requests that they answer. */
  readonly channels?: ChannelPlan & { readonly indices: readonly number[] };
  /** The classes that have no maps because they have no prototypes, by the index of their logit, and the file of the prototypes. */
  readonly unknown?: Pick<Prototypes, 'path' | 'missing'>;
}

/** Small, but not so small that the deepest layers have only a few cells. */
const FREE_SIZE: Size = [160, 224];

/**
 * Builds the graphs that make maps.
 *
 * @param requests at least one; methods with and without gradients may be mixed. The maps are returned in this order
 * @throws UserError if a method or the target is not defined for the classifier, a method does not work at a layer, or the
 *   network cannot process several images at once
 */
export function prepareCam(classifier: ClassifierGraph, requests: readonly CamRequest[], options: CamOptions = {}): CamPlan {
  const { target = 'logit', finerStrength, scoreCamTopK, scoreCamBatch = DEFAULT_CHANNEL_BATCH, prototypes, batch = 1, block, shared = true } = options;
  const serialised = (model: OnnxModel): Uint8Array => (shared ? shareBytes(serializeModel(model)) : serializeModel(model));
  if (requests.length === 0) throw new UserError('a CAM program needs at least one layer and one method');
  requireTarget(target, classifier.classCount);
  const asked = requests.map(({ layer, method: name }, index) => ({ layer, name, index, method: camMethods[name] }));
  const gradient = asked.flatMap(({ layer, name, index, method }) => (
    method.kind === 'channels' ? [] : [{ index, ...graphRequest({ layer, method: name }, prototypes) }]));
  const channels = asked.flatMap(({ layer, name, index, method }) => (method.kind === 'channels' ? [{ layer, name, index, change: method.change }] : []));
  const program = (): OnnxModel => {
    const single = buildCamGraph(classifier, gradient, target, { finerStrength });
    const own = batch > 1 ? batchedCamGraph(classifier, single) : single;
    return block === undefined ? own : blockedCamGraph(classifier, own, block);
  };
  return {
    input: classifier.input.name, block, shape: { channels: classifier.input.channels, size: classifier.input.fixedSize ?? FREE_SIZE },
    gradient: gradient.length === 0
      ? undefined
      : {
          graph: serialised(program()), count: gradient.length, batch, indices: gradient.map(({ index }) => index),
        },
    channels: channels.length === 0
      ? undefined
      : {
          ...channelPlan(classifier, channels, { target, finerStrength, topK: scoreCamTopK, batch: scoreCamBatch }, serialised),
          indices: channels.map(({ index }) => index),
        },
    ...prototypes !== undefined && asked.some(({ method }) => method.kind === 'vectors') && { unknown: { path: prototypes.path, missing: prototypes.missing } },
  };
}

/**
 * A request as a part of a graph that runs once.
 *
 * @throws UserError if the method runs the network several times, or needs prototypes that there are not
 */
export function graphRequest({ layer, method: name }: CamRequest, prototypes: Prototypes | undefined): GraphRequest {
  const method = camMethods[name];
  if (method.kind === 'channels') {
    throw new UserError(
      `${name} at '${layer.name}' runs the network once per channel, which a CAM program cannot do`,
      `use one of the methods that need one run: ${Object.entries(camMethods).filter(([, { kind }]) => kind !== 'channels').map(([own]) => own).join(', ')}`,
    );
  }
  return { layer, method, ...method.kind === 'vectors' && { vectors: vectorsAt(prototypes, layer, name) } };
}

/**
 * Checks that the prototypes that some methods need are there, before a run starts.
 *
 * @throws UserError if they are not
 */
export function requirePrototypes(requests: readonly CamRequest[], prototypes: Prototypes | undefined): void {
  for (const { layer, method } of requests) if (camMethods[method].kind === 'vectors') vectorsAt(prototypes, layer, method);
}

interface ChannelRequest {
  readonly layer: FeatureLayer;
  readonly name: CamMethodName;
  readonly change: ChannelMethod['change'];
}

function channelPlan(
  classifier: ClassifierGraph, requests: readonly ChannelRequest[],
  { batch, ...settings }: Pick<ChannelPlan, 'target' | 'finerStrength' | 'topK' | 'batch'>, serialised: (model: OnnxModel) => Uint8Array,
): ChannelPlan {
  const at = (change: ChannelMethod['change']): FeatureLayer[] => (
    [...new Set(requests.flatMap((request) => (request.change === change ? [request.layer] : [])))]
  );
  const [masked, ablated] = [at('mask'), at('ablate')];
  const other = [...masked, ...ablated].find(({ arrangement }) => arrangement.kind !== 'channels-first');
  if (other !== undefined) {
    throw new UserError(
      `Score-CAM and Ablation-CAM do not work at '${other.name}': its layout is not [N, C, h, w]`,
      'use a method with gradients, such as --method layer-cam',
    );
  }
  const input = classifier.input.name;
  const rests = ablated.map((layer) => ({ layer: layer.name, ...buildAblatedGraph(classifier, layer) }));
  const carried = rests.flatMap((rest) => rest.carried).filter((name) => name !== input);
  const names = requests.map(({ layer }) => layer.name);
  return {
    input, requests: requests.map(({ layer, name }) => ({ layer: layer.name, method: name })), ...settings,
    batch: takesBatches(classifier) ? batch : 1,
    activations: serialised(buildActivationGraph(classifier, [...new Set([...names, ...carried])])),
    masked: masked.length === 0 ? undefined : serialised(buildMaskedGraph(classifier)),
    ablated: Object.fromEntries(rests.map((rest) => [rest.layer, { graph: serialised(rest.model), carried: rest.carried }])),
  };
}

/**
 * Loads a plan into a runtime.
 *
 * ```ts
 * const [shallow, deep] = classifier.resolveLayers(['/16', '/32']);
 * const plan = prepareCam(classifier, [{ layer: shallow, method: 'layer-cam' }, { layer: deep, method: 'score-cam' }]);
 * const cam = await openCam(plan, ortRuntime, { threads: 2 });
 * const { maps: [layerCam, scoreCam] } = await cam.run(tensor, [320, 427], [7, 14]);
 * ```
 *
 * On an accelerator, the maps of one image are compared with those that the processor makes. Some devices compute wrong values
 * without an error. If worker threads share the accelerator, this happens once for all of them.
 *
 * @throws UserError if the runtime cannot load the plan, or a device does not make the maps that the processor makes
 * @throws TypeError if the plan is in the blocked layout, and the runtime is not ONNX Runtime on the processor
 */
export async function openCam(plan: CamPlan, runtime: Runtime, options: SessionOptions): Promise<CamRunner> {
  if (plan.block !== undefined && !mayHaveBlocks(runtime)) {
    throw new TypeError(`the CAM plan is in the blocked layout of ONNX Runtime on the processor, but the runtime is ${runtime.name} on ${runtime.device}`);
  }
  if (plan.gradient !== undefined && isAccelerated(runtime)) {
    // Methods without gradients need hundreds of runs for one map, and their values are not checked.
    const checked: CamPlan = { ...plan, channels: undefined, gradient: { ...plan.gradient, indices: plan.gradient.indices.map((_, i) => i) } };
    const check = (): Promise<void> => requireSameMaps(plan.shape, runtime, (own) => loadCam(checked, own, { threads: 1 }));
    await (runtime.sharing?.checkOnce(plan.gradient.graph, check) ?? check());
  }
  return loadCam(plan, runtime, options);
}

async function loadCam({ input: name, gradient, channels, unknown }: CamPlan, runtime: Runtime, options: SessionOptions): Promise<CamRunner> {
  const programs: CamProgram[] = [];
  if (gradient !== undefined) {
    const program = await GradientProgram.load(gradient, name, runtime, options);
    programs.push({ run: (input) => program.run(input), release: () => program.release(), indices: gradient.indices });
  }
  if (channels !== undefined) {
    const program = await ChannelProgram.load(channels, runtime, options);
    const run = ({ image, size, classes }: CamInput): Promise<CamResult> => program.run(image, size, classes);
    programs.push({ run, release: () => program.release(), indices: channels.indices });
  }
  return new CamRunner(programs, unknown);
}

/** A loaded part of a plan. */
interface CamProgram {
  readonly run: (input: CamInput) => Promise<CamResult>;
  readonly release: () => Promise<void>;
  readonly indices: readonly number[];
}

/** A loaded plan: image and classes in, small maps out. If the plan has a batch, images that are given at the same time share a run. */
export class CamRunner {
  /** Made by {@link openCam}. */
  constructor(private readonly programs: readonly CamProgram[], private readonly unknown?: CamPlan['unknown']) {}

  /**
   * @param image NCHW [1, 3, H, W], normalised for the classifier
   * @param size [H, W]
   * @param classes indices of logits, at least one
   * @throws UserError if one of the classes has no prototypes, which a method needs
   */
  async run(image: Float32Array, size: Size, classes: readonly number[]): Promise<CamResult> {
    const lost = classes.find((logit) => this.unknown?.missing.has(logit) === true);
    if (lost !== undefined) {
      const { path, missing } = this.unknown!;
      throw new UserError(`the prototypes ${path} have none of the class '${missing.get(lost)}'`, 'fit them with photographs of this class, or use another method');
    }
    const maps: LayerMaps[] = [];
    let logits: Float32Array = new Float32Array();
    for (const { run, indices } of this.programs) {
      const result = await run({ image, size, classes });
      if (logits.length === 0) logits = result.logits;
      result.maps.forEach((map, i) => { maps[indices[i]] = map; });
    }
    return { logits, maps };
  }

  /** A class that has maps. */
  get someClass(): number {
    let logit = 0;
    while (this.unknown?.missing.has(logit) === true) logit++;
    return logit;
  }

  async release(): Promise<void> {
    for (const { release } of this.programs) await release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}
