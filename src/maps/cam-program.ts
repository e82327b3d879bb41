import { buildCamGraph, CAM_CLASSES, CAM_LOGITS, camOutput } from '../cam/gradient-graph.js';
import type { CamTargetName } from '../cam/names.js';
import { graphRequest } from '../cam/plan.js';
import type { CamRequest } from '../cam/plan.js';
import type { LoadedClassifier } from '../classifier/load.js';
import type { Prototypes } from '../classifier/prototypes.js';
import { UserError } from '../errors.js';
import { normalisedInGraph } from '../image/normalise-graph.js';
import { GraphBuilder } from '../onnx/builder.js';
import type { Value } from '../onnx/builder.js';
import { ancestors, describeNode } from '../onnx/model.js';
import type { OnnxModel, OnnxNode, OnnxValueInfo } from '../onnx/model.js';
import { withNames } from '../onnx/rewrite/names.js';
import { DataType } from '../onnx/tensor.js';
import { packageVersion } from '../package.js';
import type { FusionOptions } from './fusion.js';
import { fusedInGraph } from './fusion-graph.js';

/** What a CAM program takes and gives. */
export interface CamProgramOptions {
  /** The maps to make, shallowest layer first; see `chooseLayers`. */
  readonly requests: readonly CamRequest[];
  /** Default: `logit`. */
  readonly target?: CamTargetName;
  /** With the target `finer`: how much the similar classes count; default: 1. */
  readonly finerStrength?: number;
  /** How layers are fused into one map per class; default: they are not, and the program has no output `maps`. */
  readonly fusion?: FusionOptions;
  /** `pixels`: RGB photographs as they are decoded; the preprocessing is in the program. `tensor`: the network's own input. */
  readonly input: 'pixels' | 'tensor';
  /** Adds the input `size`; without it, fused maps have the size of the image. */
  readonly sizeInput?: boolean;
}

/** The names of a program's inputs and outputs. */
const IMAGE = 'image';
const CLASSES = 'classes';
const SIZE = 'size';
const LOGITS = 'logits';
const MAPS = 'maps';
const layerOutput = (i: number): string => `layer_${i}`;

/**
 * The CAM program of a classifier as a model of its own, for any ONNX runtime. It has only operators of ONNX's own domain.
 *
 * Inputs:
 * - `image`: uint8 [1, H, W, 3], RGB, or with `input: 'tensor'` float32 [1, C, H, W], normalised for the classifier;
 * - `classes`: int64 [K], indices of logits;
 * - `size`: int64 [2], height and width of `maps`, with `sizeInput`.
 *
 * Outputs:
 * - `logits`: float32 [1, classes];
 * - `maps`: float32 [K, H, W], one fused map per class, with `fusion`; in 0..1 unless its `mapNorm` is `none`;
 * - `layer_0`, `layer_1`, ...: float32 [K, h, w], the map of each request, not negative and not normalised.
 *
 * The metadata has class names, layers, methods and fusion.
 *
 * A class without prototypes has maps that are zero everywhere at the layers that need them; the metadata names these classes.
 *
 * @throws UserError if a method needs several runs of the network (Score-CAM, Ablation-CAM) or prototypes that there are not, a
 * method or the target is not defined for the classifier, or the network has operators of other domains
 */
export function camProgramModel({ graph: classifier, path, spec, prototypes }: LoadedClassifier, options: CamProgramOptions): OnnxModel {
  const { requests, target = 'logit', finerStrength, fusion, input, sizeInput = false } = options;
  const ways = requests.map((request) => graphRequest(request, prototypes));
  const model = buildCamGraph(classifier, ways, target, { finerStrength });
  const network = classifier.input;
  if (input === 'pixels' && network.channels !== 3) {
    throw new UserError(`${path} takes images of ${network.channels} channels, so its program cannot take RGB pixels`, 'make a program that takes the tensor: --input tensor');
  }
  const b = new GraphBuilder(model.graph);
  const own = model.graph.nodes.length;
  const image = b.reserve(`cam/${IMAGE}`);
  const tensor = input === 'pixels' ? normalisedInGraph(b, image, spec) : image;
  const before = b.nodes.slice(own);
  const size = sizeInput ? b.reserve(`cam/${SIZE}`) : input === 'pixels' ? b.shape(image, 1, 3) : b.shape(image, 2, 4);
  const layers = requests.map((_, i) => camOutput(i));
  const maps = fusion && b.alias(fusedInGraph(b, layers, size, fusion), `cam/${MAPS}`);
  const fed = (node: OnnxNode): OnnxNode => ({ ...node, inputs: node.inputs.map((name) => (name === network.name ? tensor : name)) });
  const outputs = [CAM_LOGITS, ...maps === undefined ? [] : [maps], ...layers];
  const nodes = ancestors([...before, ...[...b.nodes.slice(0, own), ...b.nodes.slice(own + before.length)].map(fed)], outputs);
  requireStandard(nodes, path);
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  const names = new Map<Value, string>([
    [image, IMAGE], [CAM_CLASSES, CLASSES], [CAM_LOGITS, LOGITS], ...layers.map((name, i) => [name, layerOutput(i)] as const),
    ...sizeInput ? [[size, SIZE] as const] : [], ...maps === undefined ? [] : [[maps, MAPS] as const],
  ]);
  const [height, width] = network.fixedSize ?? ['height', 'width'];
  return {
    ...model, otherOpsets: new Map(), producer: `voc-seeds ${packageVersion()}`,
    metadata: metadataOf(spec.classes, options, ways.some(({ vectors }) => vectors !== undefined) ? prototypes : undefined),
    graph: withNames({
      name: 'cam_program', nodes, initializers: new Map([...b.initializers].filter(([name]) => used.has(name))),
      inputs: [
        input === 'pixels'
          ? { name: image, type: DataType.uint8, shape: [1, height, width, 3] }
          : { name: image, type: DataType.float32, shape: [1, network.channels, height, width] },
        { name: CAM_CLASSES, type: DataType.int64, shape: ['K'] },
        ...sizeInput ? [{ name: size, type: DataType.int64, shape: [2] }] : [],
      ],
      outputs: [
        { name: CAM_LOGITS, type: DataType.float32, shape: [1, classifier.classCount] },
        ...maps === undefined ? [] : [mapsInfo(maps, sizeInput ? ['map_height', 'map_width'] : [height, width])],
        ...layers.map((name, i) => mapsInfo(name, [`height_${i}`, `width_${i}`])),
      ],
    }, names),
  };
}

function mapsInfo(name: string, size: readonly (number | string)[]): OnnxValueInfo {
  return { name, type: DataType.float32, shape: ['K', ...size] };
}

/** @throws UserError if an operator is not one of ONNX's own */
function requireStandard(nodes: readonly OnnxNode[], path: string): void {
  const other = nodes.find(({ domain }) => domain !== '');
  if (other !== undefined) {
    throw new UserError(`${path}: ${describeNode(other)} is not one of ONNX's own operators, so not every runtime can run the program`, 'export the classifier with standard operators only');
  }
}

/** Every value is text; lists and objects are JSON. */
function metadataOf(
  classes: readonly string[], { requests, target = 'logit', finerStrength, fusion, input, sizeInput }: CamProgramOptions, prototypes: Prototypes | undefined,
): Map<string, string> {
  return new Map([
    ['cam_version', `voc-seeds ${packageVersion()}`],
    ['cam_input', input === 'pixels'
      ? 'image: a photograph, uint8 [1, height, width, 3], RGB, 0..255; the preprocessing is in the program'
      : 'image: the input of the network, float32 [1, channels, height, width], normalised'],
    ['cam_classes', JSON.stringify(classes)],
    ['cam_layers', JSON.stringify(requests.map(({ layer, method }) => `${layer.name}@${method}`))],
    ['cam_target', target],
    ...target === 'finer' && finerStrength !== undefined ? [['cam_finer_strength', String(finerStrength)] as const] : [],
    ...fusion === undefined ? [] : [['cam_fusion', JSON.stringify(fusionPart(fusion))] as const],
    ...prototypes === undefined
      ? []
      : [['cam_prototypes', prototypes.hash], ['cam_classes_without_prototypes', JSON.stringify([...prototypes.missing.values()])]] as const,
    ...sizeInput === true ? [['cam_size', 'size: height and width of maps, int64 [2]'] as const] : [],
  ]);
}

/** Without other settings that an object with these options may have. */
function fusionPart({ layerNorm, scaleLayers, gamma, fuse, upsample, alignCorners, mapNorm }: FusionOptions): FusionOptions {
  return { layerNorm, scaleLayers, gamma, fuse, upsample, alignCorners, mapNorm };
}
