import type { Size } from '../size.js';
import type { StateDict } from '../formats/weights/stored-tensor.js';
import type { Head } from './heads.js';
import { gapHead, linearHead, vggHead } from './heads.js';
import { Plan } from './plan.js';
import type { Features } from './plan.js';
import { resnetFeatures } from './resnet.js';
import { vggFeatures } from './vgg.js';

/** A torchvision network: its layers and their names. */
export interface Architecture {
  readonly name: string;
  readonly family: 'vgg' | 'resnet';
  /** Plans everything up to the last feature map. */
  readonly features: (plan: Plan, image: Features, options: FeatureOptions) => Features;
}

/** Options that cannot be read from the parameters of the convolutions. */
export interface FeatureOptions {
  /** The stride of ResNet's last stage: 2 as in torchvision, or 1 (without dilation) as in IRN's network. */
  readonly lastStride: 1 | 2;
}

function vgg(name: string, convs: readonly number[]): Architecture[] {
  return [false, true].map((norm) => ({
    name: norm ? `${name}_bn` : name, family: 'vgg', features: (plan, image) => vggFeatures(plan, image, convs, norm),
  }));
}

function resnet(name: string, blocks: readonly number[], bottleneck: boolean): Architecture {
  return { name, family: 'resnet', features: (plan, image, { lastStride }) => resnetFeatures(plan, image, blocks, bottleneck, lastStride) };
}

/** Every architecture that can be imported. */
export const architectures: readonly Architecture[] = [
  ...vgg('vgg11', [1, 1, 2, 2, 2]), ...vgg('vgg13', [2, 2, 2, 2, 2]), ...vgg('vgg16', [2, 2, 3, 3, 3]), ...vgg('vgg19', [2, 2, 4, 4, 4]),
  resnet('resnet18', [2, 2, 2, 2], false), resnet('resnet34', [3, 4, 6, 3], false),
  resnet('resnet50', [3, 4, 6, 3], true), resnet('resnet101', [3, 4, 23, 3], true), resnet('resnet152', [3, 8, 36, 3], true),
];

/** The name of the image input of every imported network, [N, 3, H, W]. */
export const IMAGE = 'image';

/** The stride of the last feature map of every architecture in torchvision. */
export const STRIDE = 32;

/** Torchvision's name of the last linear layer or layers. */
export const HEAD_NAME = { vgg: 'classifier', resnet: 'fc' } as const;

/** A network planned for some parameters. */
export interface NetworkLayers {
  readonly architecture: Architecture;
  readonly plan: Plan;
  /** The number of logits, or null if the parameters do not show it. */
  readonly classes: number | null;
  /** Whether it takes only one image size, like VGG with its own fully connected layers. */
  readonly bound: boolean;
}

/**
 * Plans only the convolutions of a network. The plan lists parameters that do not fit.
 *
 * @param body its parameters, by torchvision's names
 */
export function planFeatures(architecture: Architecture, body: StateDict, options: FeatureOptions): { plan: Plan; features: Features } {
  const plan = new Plan(body);
  return { plan, features: architecture.features(plan, { name: IMAGE, channels: 3 }, options) };
}

/**
 * Plans a network for some parameters. The plan lists parameters that do not fit.
 *
 * @param tensors the parameters of its convolutions and its head, by torchvision's names
 * @param size [height, width] of the images, for VGG's fully connected head
 */
export function planNetwork(architecture: Architecture, tensors: StateDict, head: Head, size: Size, options: FeatureOptions): NetworkLayers {
  const { plan, features } = planFeatures(architecture, tensors, options);
  const own = architecture.family === 'vgg' && !tensors.has('classifier.weight');
  return { architecture, plan, classes: headFor(architecture, plan, features, head, size, own).channels, bound: own && head.kind === 'fc' };
}

function headFor({ family }: Architecture, plan: Plan, x: Features, head: Head, size: Size, vggLayers: boolean): Features {
  if (head.kind === 'gap') return gapHead(plan, x, head.classes, head.seed);
  if (vggLayers) return vggHead(plan, x, head.kind, [Math.floor(size[0] / STRIDE), Math.floor(size[1] / STRIDE)]);
  return linearHead(plan, x, head.kind, HEAD_NAME[family]);
}
