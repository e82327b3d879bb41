import type { Features, Plan } from './plan.js';

/**
 * The convolutions of VGG: five stages of 3x3 convolutions, each followed by 2x2 max pooling. The final stride is 32. Names
 * are those of torchvision's modules: `features.28` is the last convolution of VGG-16, `features.29` its ReLU.
 *
 * Simonyan and Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015.
 *
 * @param convs the number of convolutions in each stage
 * @param norm whether a batch normalisation follows each convolution
 */
export function vggFeatures(plan: Plan, image: Features, convs: readonly number[], norm: boolean): Features {
  let x = image;
  let module = 0;
  const next = (): string => `features.${module++}`;
  for (const count of convs) {
    for (let i = 0; i < count; i++) {
      x = plan.conv(x, next(), { kernel: 3, padding: 1, bias: true, norm: norm ? next() : undefined });
      x = plan.relu(x, next());
    }
    x = plan.maxPool(x, next(), 2, 2);
  }
  return x;
}
