import { chooseLayers } from '../cam/layer-choice.js';
import type { LayerMaps } from '../cam/layer-maps.js';
import type { CamResult } from '../cam/gradient-program.js';
import { openCam, prepareCam } from '../cam/plan.js';
import type { CamOptions, CamPlan, CamRequest, CamRunner } from '../cam/plan.js';
import { logitOf } from '../classifier/class-names.js';
import { inputSizeFor } from '../classifier/input-size.js';
import type { LoadedClassifier } from '../classifier/load.js';
import type { ModelSpec } from '../classifier/spec.js';
import { networkSize } from '../image/input-size.js';
import type { InputSize } from '../image/input-size.js';
import { mirrored, toTensor } from '../image/normalise.js';
import { openPhoto } from '../image/photo-file.js';
import type { PhotoFile } from '../image/photo-file.js';
import { turnedBack, viewsOf } from '../maps/multi-scale.js';
import type { View } from '../maps/multi-scale.js';
import { mapsOfPhoto } from '../maps/photo-maps.js';
import type { PhotoMapOptions, PhotoMaps } from '../maps/photo-maps.js';
import { parseRefiners } from '../maps/refine/refiners.js';
import { parseUpsampler } from '../maps/refine/upsamplers.js';
import { channelBlock } from '../runtime/blocked/channel-block.js';
import type { Runtime, SessionOptions } from '../runtime/runtime.js';
import type { SeedSettings } from '../settings/cam.js';
import type { Size } from '../size.js';

/** The settings that maps depend on. */
export type PhotoCamSettings = Omit<SeedSettings, 'threshold' | 'backgroundThreshold' | 'alpha' | 'percentile' | 'classThresholds' | 'conflict' | 'conflictMargin' | 'rescue'>
  & Partial<Pick<SeedSettings, 'alpha'>>;

/** What a {@link PhotoCam} is loaded from: plain data, which can be sent to worker threads. */
export interface PhotoCamPlan {
  readonly cam: CamPlan;
  /** The classifier's file, for messages. */
  readonly path: string;
  readonly spec: ModelSpec;
  readonly inputSize: InputSize;
  readonly maxPixels: number;
  /** Views of the same scale are adjacent. */
  readonly views: readonly View[];
  readonly maps: PhotoMapOptions;
}

/** The network's results for a photograph. */
export interface PhotoLayers {
  /** The photograph's own size, [height, width]. */
  readonly size: Size;
  /** [classes], of the view at scale 1 that is not mirrored, else of the first view; empty if no class was given. */
  readonly logits: Float32Array;
  /** For each view, the maps [K, h, w] of each request; those of mirrored views are mirrored back. Empty if no class was given. */
  readonly views: readonly (readonly LayerMaps[])[];
  /** The size at the network of the largest view that was shrunk to `maxPixels`; `undefined` if none was. */
  readonly limited: Size | undefined;
  /** Milliseconds of decoding and resizing, and of running the network. */
  readonly times: { readonly read: number; readonly cam: number };
}

/** The maps of a photograph, and the network's results that they were made of. */
export interface PhotoResult extends PhotoLayers, PhotoMaps {
  /** In milliseconds; `maps`: fusing and refining. */
  readonly times: PhotoLayers['times'] & { readonly maps: number };
}

/**
 * Makes the maps of photographs: runs the network on every view (scales, mirror images) and combines the maps of all layers and
 * views into one map per class, refined along the photograph's edges.
 *
 * ```ts
 * const cam = await PhotoCam.open(classifier, settings, ortRuntime, { threads: 2 });
 * const { maps } = await cam.maps('dog.jpg', ['dog', 'person']);
 * await cam.close();
 * ```
 */
export class PhotoCam {
  private constructor(private readonly plan: PhotoCamPlan, private readonly runner: CamRunner) {}

  /**
   * Builds the CAM program, which {@link load} loads in this or another thread.
   *
   * @param several layers and views to use instead of those of the settings; how many images of one size go to the network at once;
   *   the block of the runtime's layout; whether worker threads will load it (default: true; if not, its graphs are not copied to shared memory)
   * @throws UserError if the classifier does not have the layers, or a method, refiner or scale does not work with it
   */
  static plan(
    classifier: LoadedClassifier, settings: PhotoCamSettings,
    several: { readonly requests?: readonly CamRequest[]; readonly views?: readonly View[] } & Partial<Pick<CamOptions, 'batch' | 'block' | 'shared'>> = {},
  ): PhotoCamPlan {
    const { graph, path, spec, prototypes } = classifier;
    const requests = several.requests ?? chooseLayers(graph, settings.layers, settings.method).requests;
    const views = several.views ?? viewsOf(settings);
    return {
      cam: prepareCam(graph, requests, { ...settings, prototypes, batch: several.batch, block: several.block, shared: several.shared }),
      path, spec, views,
      inputSize: inputSizeFor(classifier, { inputSize: settings.inputSize, scales: views.map(({ scale }) => scale) }),
      maxPixels: settings.maxPixels, maps: mapOptionsOf(settings),
    };
  }

  static async load(plan: PhotoCamPlan, runtime: Runtime, options: SessionOptions): Promise<PhotoCam> {
    return new PhotoCam(plan, await openCam(plan.cam, runtime, options));
  }

  /** @throws UserError like {@link plan} */
  static async open(
    classifier: LoadedClassifier, settings: PhotoCamSettings, runtime: Runtime, options: SessionOptions = { threads: 1 },
  ): Promise<PhotoCam> {
    return PhotoCam.load(PhotoCam.plan(classifier, settings, { block: await channelBlock(runtime), shared: false }), runtime, options);
  }

  /**
   * The maps of some classes, [K, height, width] at the size of the photograph, in [0, 1] unless the settings turn normalisation off.
   *
   * @param photo a photograph or its path
   * @param classes at least one, by the index of its logit or by name; the maps are returned in this order
   * @param unrefined also return the maps before the refiners
   * @throws UserError if the photograph cannot be read, or the classifier does not have a class
   */
  async maps(photo: PhotoFile | string, classes: readonly (number | string)[], { unrefined = false } = {}): Promise<PhotoResult> {
    const { file, read } = await opened(photo);
    const { times, ...layers } = await this.layerMaps(file, classes);
    const start = performance.now();
    const options = { ...this.plan.maps, keepUnrefined: unrefined };
    const maps = await mapsOfPhoto(layers.views, classes.length, file.original, (size) => file.at(size), options);
    return { ...layers, ...maps, times: { read: read + times.read, cam: times.cam, maps: performance.now() - start } };
  }

  /**
   * The maps of some classes at every layer in every view, not fused; those of mirrored views are mirrored back.
   *
   * @param photo a photograph or its path
   * @param classes as for {@link maps}; if empty, the photograph is decoded but the network does not run
   * @throws UserError like {@link maps}
   */
  async layerMaps(photo: PhotoFile | string, classes: readonly (number | string)[]): Promise<PhotoLayers> {
    const { path, spec, inputSize, maxPixels } = this.plan;
    const { file, read } = await opened(photo);
    const logits = classes.map((name) => logitOf(spec.classes, name, path));
    if (logits.length > 0) {
      const layers = await this.run(file, this.plan.views, logits);
      return { ...layers, times: { read: read + layers.times.read, cam: layers.times.cam } };
    }
    const start = performance.now();
    await file.at(networkSize(file.original, inputSize, maxPixels).size);
    const times = { read: read + performance.now() - start, cam: 0 };
    return { size: file.original, logits: new Float32Array(), views: [], limited: undefined, times };
  }

  /**
   * The logits of the photograph at scale 1, not mirrored.
   *
   * @returns [classes]
   */
  async logits(photo: PhotoFile | string): Promise<Float32Array> {
    const { file } = await opened(photo);
    return (await this.run(file, [{ scale: 1, flip: false }], [this.runner.someClass])).logits;
  }

  async close(): Promise<void> {
    await this.runner.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private async run(file: PhotoFile, wanted: readonly View[], classes: readonly number[]): Promise<PhotoLayers> {
    const { inputSize, maxPixels, spec, cam } = this.plan;
    const views: (readonly LayerMaps[])[] = [];
    const times = { read: 0, cam: 0 };
    let logits: Float32Array | undefined;
    let limited: Size | undefined;
    for (const { scale, flips } of byScale(wanted)) {
      const start = performance.now();
      const { size, limited: shrunk } = networkSize(file.original, inputSize, maxPixels, scale);
      const tensor = toTensor(await file.at(size), size, spec);
      if (shrunk) limited = size;
      const read = performance.now();
      times.read += read - start;
      const run = (flip: boolean): Promise<CamResult> => this.runner.run(flip ? mirrored(tensor, size[1]) : tensor, size, classes);
      // In batches, a photograph and its mirror image go together.
      const together = (cam.gradient?.batch ?? 1) > 1 ? await Promise.all(flips.map(run)) : undefined;
      for (const [i, flip] of flips.entries()) {
        const result = together?.[i] ?? await run(flip);
        if (logits === undefined || (scale === 1 && !flip)) logits = result.logits;
        views.push(flip ? result.maps.map(turnedBack) : result.maps);
      }
      times.cam += performance.now() - read;
    }
    return { size: file.original, logits: logits!, views, limited, times };
  }
}

/** The views of each scale. */
function byScale(views: readonly View[]): { readonly scale: number; readonly flips: boolean[] }[] {
  const groups: { readonly scale: number; readonly flips: boolean[] }[] = [];
  for (const { scale, flip } of views) {
    const last = groups.at(-1);
    if (last?.scale === scale) last.flips.push(flip);
    else groups.push({ scale, flips: [flip] });
  }
  return groups;
}

function mapOptionsOf(settings: PhotoCamSettings): PhotoMapOptions {
  const { refine, refineNorm, edgeUpsample, background, alpha } = settings;
  return {
    fusion: settings, refiners: parseRefiners(refine), refineNorm,
    ...(edgeUpsample.trim() === 'none' ? {} : { upsampler: parseUpsampler(edgeUpsample) }),
    ...(background === 'power' ? { powerAlpha: alpha } : {}),
  };
}

/** An opened photograph, and the milliseconds that it took. */
async function opened(photo: PhotoFile | string): Promise<{ readonly file: PhotoFile; readonly read: number }> {
  if (typeof photo !== 'string') return { file: photo, read: 0 };
  const start = performance.now();
  return { file: await openPhoto(photo), read: performance.now() - start };
}
