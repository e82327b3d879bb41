import type { Features, Plan } from './plan.js';

/**
 * The convolutions of ResNet, with a final stride of 32 or 16. As in torchvision, the bottleneck's stride is in its 3x3 convolution.
 * Names are those of torchvision's modules. A block uses its ReLU two or three times: `layer4.2.relu` is the last one, the
 * output of the block. Those before it are `layer4.2.relu1` and `relu2`.
 *
 * He, Zhang, Ren and Sun: Deep Residual Learning for Image Recognition, CVPR 2016. Networks whose 3x3 convolutions have groups
 * (ResNeXt: Xie, Girshick, Dollar, Tu and He, CVPR 2017) or more channels (Wide ResNet) have the same names and can be planned too.
 *
 * @param blocks the number of blocks in each of the four stages
 * @param bottleneck whether blocks have three convolutions (1x1, 3x3, 1x1) or two (3x3)
 * @param lastStride the stride of the last stage; with 1 its maps stay at stride 16, without dilation
 */
export function resnetFeatures(plan: Plan, image: Features, blocks: readonly number[], bottleneck: boolean, lastStride: 1 | 2): Features {
  let x = plan.conv(image, 'conv1', { kernel: 7, stride: 2, padding: 3, norm: 'bn1' });
  x = plan.maxPool(plan.relu(x, 'relu'), 'maxpool', 3, 2, 1);
  for (const [stage, count] of blocks.entries()) {
    const stride = stage === 0 ? 1 : stage === blocks.length - 1 ? lastStride : 2;
    for (let i = 0; i < count; i++) {
      x = block(plan, x, `layer${stage + 1}.${i}`, { bottleneck, stride: i === 0 ? stride : 1, first: i === 0 });
    }
  }
  return x;
}

interface BlockOptions {
  readonly bottleneck: boolean;
  readonly stride: number;
  /** Whether it is the first of its stage. */
  readonly first: boolean;
}

function block(plan: Plan, x: Features, name: string, { bottleneck, stride, first }: BlockOptions): Features {
  const windows = bottleneck
    ? [{ kernel: 1 }, { kernel: 3, stride, padding: 1, grouped: true }, { kernel: 1 }]
    : [{ kernel: 3, stride, padding: 1 }, { kernel: 3, padding: 1 }];
  let y = x;
  for (const [i, window] of windows.entries()) {
    y = plan.conv(y, `${name}.conv${i + 1}`, { ...window, norm: `${name}.bn${i + 1}` });
    if (i < windows.length - 1) y = plan.relu(y, `${name}.relu${i + 1}`);
  }
  // The shortcut has its own convolution if a stage changes the resolution or the number of channels.
  const known = x.channels !== null && y.channels !== null;
  const projected = first && (stride > 1 || (known ? x.channels !== y.channels : bottleneck));
  const around = projected ? plan.conv(x, `${name}.downsample.0`, { kernel: 1, stride, norm: `${name}.downsample.1` }) : x;
  return plan.relu(plan.sum(y, around, `${name}.add`), `${name}.relu`);
}
