import { messageOf, UserError } from '../errors.js';
import { randomSequence } from '../random.js';
import { ortRuntime } from '../runtime/ort/ort.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Size } from '../size.js';
import type { CamResult } from './gradient-program.js';

/**
 * The largest difference that rounding explains: the mean over a map, relative to the mean of the map. Single precision differs by
 * about 1e-6.
 */
const TOLERANCE = 0.01;

/** The same, if the user has asked CUDA for TF32. */
const TF32_TOLERANCE = 0.2;

/** The image input of a network: its channels, and a size [H, W] that it takes. */
export interface ImageShape {
  readonly channels: number;
  readonly size: Size;
}

/** A loaded CAM program. */
interface LoadedProgram {
  /** A class that has maps. */
  readonly someClass: number;
  run(image: Float32Array, size: Size, classes: readonly number[]): Promise<CamResult>;
  release(): Promise<void>;
}

/**
 * Compares the maps that a device makes of one image with those of the processor.
 *
 * @param shape the image to make
 * @param load loads the program into a runtime
 * @throws UserError if they differ, or the device cannot run the program
 */
export async function requireSameMaps(
  { channels, size }: ImageShape, runtime: Runtime, load: (runtime: Runtime) => Promise<LoadedProgram>,
): Promise<void> {
  const image = testImage(channels, size);
  const mapsOn = async (own: Runtime): Promise<CamResult> => {
    const runner = await load(own);
    return runner.run(image, size, [runner.someClass]).finally(() => runner.release());
  };
  const { device } = runtime;
  const found = await mapsOn(runtime).catch((error: unknown) => {
    throw new UserError(`the device '${device}' cannot run the CAM program of this network: ${messageOf(error).split('\n')[0]}`, HINT, { cause: error });
  });
  const expected = await mapsOn(ortRuntime);
  const tolerance = process.env.NVIDIA_TF32_OVERRIDE === '1' ? TF32_TOLERANCE : TOLERANCE;
  // NaN is not within the tolerance.
  const wrong = differences(found, expected).find((difference) => !(difference <= tolerance));
  if (wrong !== undefined) {
    throw new UserError(`the device '${device}' makes other maps of this network than the processor: they differ by ${(100 * wrong).toFixed(1)} % on average`, HINT);
  }
}

const HINT = 'use --device cpu';

/** Smooth shapes and some noise, [1, channels, H, W]. */
function testImage(channels: number, [height, width]: Size): Float32Array {
  const random = randomSequence(1);
  return Float32Array.from({ length: channels * height * width }, (_, i) => {
    const [c, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    return Math.sin(x / (7 + 5 * c)) * Math.cos(y / (11 - 2 * c)) + 0.5 * (random() - 0.5);
  });
}

/** Of the logits and of each map, relative to the expected values. */
function differences(found: CamResult, expected: CamResult): number[] {
  const pairs = [[found.logits, expected.logits], ...expected.maps.map((map, i) => [found.maps[i].data, map.data])];
  return pairs.map(([a, b]) => {
    let [apart, total] = [0, 0];
    b.forEach((value, i) => {
      apart += Math.abs(a[i] - value);
      total += Math.abs(value);
    });
    return apart === 0 ? 0 : apart / total;
  });
}
