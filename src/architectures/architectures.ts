import type { Size } from '../onnx/shapes.js';
import type { StateDict } from '../weights/stored-tensor.js';
import type { Head } from './heads.js';
import { gapHead, resnetHead, vggHead } from './heads.js';
import { Plan } from './plan.js';
import type { Features } from './plan.js';
import { resnetFeatures } from './resnet.js';
import { vggFeatures } from './vgg.js';

/** A network of torchvision's, by its layers and their names. */
export interface Architecture {
  readonly name: string;
  readonly family: 'vgg' | 'resnet';
  /** Names of the parameters of its fully connected layers. */
  readonly headNames: RegExp;
  /** Plans everything up to its last feature map, whose stride is 32. */
  readonly features: (plan: Plan, image: Features) => Features;
}

function vgg(name: string, convs: readonly number[]): Architecture[] {
  return [false, true].map((norm) => ({
    name: norm ? `${name}_bn` : name, family: 'vgg', headNames: /^classifier\./,
    features: (plan, image) => vggFeatures(plan, image, convs, norm),
  }));
}

function resnet(name: string, blocks: readonly number[], bottleneck: boolean): Architecture {
  return { name, family: 'resnet', headNames: /^fc\./, features: (plan, image) => resnetFeatures(plan, image, blocks, bottleneck) };
}

/** Every architecture that can be imported. */
export const architectures: readonly Architecture[] = [
  ...vgg('vgg11', [1, 1, 2, 2, 2]), ...vgg('vgg13', [2, 2, 2, 2, 2]), ...vgg('vgg16', [2, 2, 3, 3, 3]), ...vgg('vgg19', [2, 2, 4, 4, 4]),
  resnet('resnet18', [2, 2, 2, 2], false), resnet('resnet34', [3, 4, 6, 3], false),
  resnet('resnet50', [3, 4, 6, 3], true), resnet('resnet101', [3, 4, 23, 3], true), resnet('resnet152', [3, 8, 36, 3], true),
];

/** The image input of every imported network, [N, 3, H, W]. */
export const IMAGE = 'image';

/** The stride of every architecture's last feature map. */
export const STRIDE = 32;

/** A network that is planned for a file of weights. */
export interface PlannedNetwork {
  readonly architecture: Architecture;
  readonly plan: Plan;
  /** The number of logits, where the parameters tell it. */
  readonly classes: number | null;
}

function addHead({ family }: Architecture, plan: Plan, x: Features, head: Head, size: Size): Features {
  if (head.kind === 'gap') return gapHead(plan, x, head.classes, head.seed);
  if (family === 'resnet') return resnetHead(plan, x, head.kind);
  return vggHead(plan, x, head.kind, [Math.floor(size[0] / STRIDE), Math.floor(size[1] / STRIDE)]);
}

/**
 * Plans a network for some weights. Whether they fit, the plan tells.
 *
 * @param size [height, width] of the images, for VGG's fully connected head
 */
export function planNetwork(architecture: Architecture, tensors: StateDict, head: Head, size: Size): PlannedNetwork {
  const plan = new Plan(tensors, head.kind === 'gap' ? [architecture.headNames] : []);
  const x = architecture.features(plan, { name: IMAGE, channels: 3 });
  return { architecture, plan, classes: addHead(architecture, plan, x, head, size).channels };
}
