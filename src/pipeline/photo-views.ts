import { mirrored, toTensor } from '../image/normalise.js';
import type { Normalisation } from '../image/normalise.js';
import { networkSize } from '../image/input-size.js';
import type { InputSize } from '../image/input-size.js';
import type { PhotoFile } from '../image/photo-file.js';
import type { Size } from '../size.js';
import type { LayerMaps } from '../cam/layer-maps.js';
import { turnedBack } from '../maps/multi-scale.js';
import type { View } from '../maps/multi-scale.js';

/** How a photograph comes to the network, and in which views. */
export interface PhotoViewOptions {
  readonly inputSize: InputSize;
  readonly maxPixels: number;
  readonly normalisation: Normalisation;
  readonly scales: readonly number[];
  readonly flip: boolean;
}

/** What a network made of every view of a photograph. */
export interface PhotoViews<Result> {
  /** The size at the network of the largest view that was held down to the limit of pixels, if any was. */
  readonly limited: Size | undefined;
  /** In the order of the scales, each followed by its mirror image where there is one. */
  readonly results: readonly (View & { readonly result: Result })[];
  /** Milliseconds of decoding and resizing, and of running the network. */
  readonly times: { readonly read: number; readonly cam: number };
}

/**
 * Shows a photograph to a network at every scale, as it is and mirrored.
 *
 * @param run takes the tensor [1, 3, H, W] of a view and its size
 * @throws UserError where the photograph cannot be read
 */
export async function runViews<Result>(
  photo: PhotoFile, { inputSize, maxPixels, normalisation, scales, flip }: PhotoViewOptions,
  run: (tensor: Float32Array, size: Size) => Promise<Result>,
): Promise<PhotoViews<Result>> {
  const results: (View & { result: Result })[] = [];
  const times = { read: 0, cam: 0 };
  let held: Size | undefined;
  for (const scale of scales) {
    const start = performance.now();
    const { size, limited } = networkSize(photo.original, inputSize, maxPixels, scale);
    const tensor = toTensor(await photo.at(size), size, normalisation);
    times.read += performance.now() - start;
    if (limited) held = size;
    for (const flipped of flip ? [false, true] : [false]) {
      const begin = performance.now();
      const result = await run(flipped ? mirrored(tensor, size[1]) : tensor, size);
      times.cam += performance.now() - begin;
      results.push({ scale, flip: flipped, result });
    }
  }
  return { limited: held, results, times };
}

/** Maps of a view as they lie over the photograph: those of a mirrored view are turned back. */
export function unmirrored(maps: readonly LayerMaps[], { flip }: View): readonly LayerMaps[] {
  return flip ? maps.map(turnedBack) : maps;
}
