import type { ClassifierGraph } from '../classifier/classifier.js';
import { inferShapes } from '../onnx/shapes/infer.js';
import type { TensorInfo } from '../onnx/shapes/tensor-info.js';
import type { OnnxModel } from '../onnx/model.js';
import { blockedLayout } from '../runtime/blocked/blocked-layout.js';
import type { Size } from '../size.js';
import { CAM_IMAGES } from './batched-graph.js';
import { CAM_CLASSES } from './gradient-graph.js';

/** Image sizes with all remainders of 2 and 3. The last two stay odd when they are halved and rounded down or up. */
const SIZES: readonly Size[] = [[160, 256], [191, 255], [321, 257]];

/** Numbers of classes and of images for each size, so that none of them is the same for all. */
const CLASSES: readonly number[] = [2, 3, 5];
const IMAGES: readonly number[] = [3, 2, 4];

/**
 * A CAM program in ONNX Runtime's blocked layout, see `blockedLayout`. Inputs and outputs stay the same.
 *
 * @param program made by `buildCamGraph` or `batchedCamGraph` for the classifier
 * @param block the number of channels in a block, see `channelBlock`
 * @returns the program itself if it is not known which of its tensors have the same shape
 */
export function blockedCamGraph({ input }: ClassifierGraph, program: OnnxModel, block: number): OnnxModel {
  const batched = program.graph.inputs.some(({ name }) => name === CAM_IMAGES);
  // With one size, only the numbers of classes and images are free.
  const sizes = input.fixedSize === undefined ? SIZES : [input.fixedSize, input.fixedSize];
  const known = sizes.flatMap((size, i): ReadonlyMap<string, TensorInfo>[] => {
    const inputs = new Map<string, readonly number[]>([
      [input.name, [batched ? IMAGES[i] : 1, input.channels, ...size]], [CAM_CLASSES, [CLASSES[i]]], [CAM_IMAGES, [CLASSES[i]]],
    ]);
    try {
      return [inferShapes(program.graph, inputs)];
    } catch {
      // Some networks do not work at odd sizes.
      return [];
    }
  });
  return known.length < 2 ? program : blockedLayout(program, block, known);
}
