/** How a program names the convolution modules of a family. */
export interface Layout {
  readonly family: 'vgg' | 'resnet';
  /** Torchvision's names of the outermost modules, mapped to the names in this layout (empty for none). */
  readonly modules: ReadonlyMap<string, string>;
  /** The name in this layout of a kernel that every network of the family has, and its shape (`null` for any size). */
  readonly anchor: string;
  readonly anchorShape: readonly (number | null)[];
  /** Whether these are the names of IRN's network. Its last stage has stride 1. */
  readonly irn?: boolean;
}

const STAGES = [1, 2, 3, 4] as const;

function resnet(stem: readonly [conv: string, norm: string], stage: (n: number) => string, irn = false): Layout {
  return {
    family: 'resnet', irn, anchor: `${stage(1)}.0.conv1.weight`, anchorShape: [null, null, null, null],
    modules: new Map([['conv1', stem[0]], ['bn1', stem[1]], ...STAGES.map((n): [string, string] => [`layer${n}`, stage(n)])]),
  };
}

function vgg(features: string): Layout {
  const anchor = features === '' ? '0.weight' : `${features}.0.weight`;
  return { family: 'vgg', anchor, anchorShape: [null, 3, 3, 3], modules: new Map([['features', features]]) };
}

/**
 * The layouts in which networks are stored, the most common first:
 *
 * - torchvision's names;
 * - numbers: `nn.Sequential(*network.children())` for ResNet, and `network.features` alone for VGG;
 * - the stages of IRN's network (`net/resnet50_cam.py`), as attributes and as a list. They repeat the tensors of its
 *   `resnet50`. If a file stores each tensor only once, these names may be the only ones.
 */
export const layouts: readonly Layout[] = [
  resnet(['conv1', 'bn1'], (n) => `layer${n}`),
  vgg('features'),
  resnet(['0', '1'], (n) => String(n + 3)),
  vgg(''),
  resnet(['stage1.0', 'stage1.1'], (n) => (n === 1 ? 'stage1.4' : `stage${n}.0`), true),
  resnet(['0.0', '0.1'], (n) => (n === 1 ? '0.4' : `${n - 1}.0`), true),
];
