import { isScaled, normaliseLayer } from '../maps/fusion.js';
import type { LayerMaps } from '../cam/layer-maps.js';
import type { MapRows } from '../maps/map-rows.js';
import { ArrayMaps, mapsToArray } from '../maps/map-rows.js';
import { fuseViews } from '../maps/multi-scale.js';
import type { Size } from '../size.js';
import { parseRefiners, refineGrid, refineMaps } from '../maps/refine/refiners.js';
import { parseUpsampler } from '../maps/refine/upsamplers.js';
import { otsuThreshold, percentileOf, powerThreshold, strengths } from '../seeds/background.js';
import { powerBackground } from '../maps/power-background.js';
import { makeSeeds } from '../seeds/make-seeds.js';
import { enlarged, normalised, upsampled } from '../maps/photo-maps.js';
import { IGNORE_LABEL } from '../datasets/label-map.js';
import type { Bytes, Floats } from '../kernels/arena.js';
import type { Grid, GridMaps, Histogram } from '../kernels/map-kernels.js';
import { MapKernels } from '../kernels/map-kernels.js';
import type { MapWork } from '../variants/map-plan.js';
import { layersOf } from '../variants/variant-maps.js';
import type { MeasureCounts } from './record.js';
import { countByThreshold } from './threshold-counts.js';
import type { TruthSlots } from './truth-slots.js';
import { truthSlots } from './truth-slots.js';
import type { AblationWork, MeasureWork, Parameters } from './work.js';
import { parametersOf } from './work.js';

/** The network's maps of an image, and its ground truth. */
export interface MeasuredImage {
  /** For each view, the maps [K, h, w] of each request; those of mirrored views are mirrored back. */
  readonly views: readonly (readonly LayerMaps[])[];
  /** The label of each class of the maps, at least one. */
  readonly labels: readonly number[];
  readonly size: Size;
  /** [height, width] */
  readonly truth: Uint8Array;
  /** RGB, HWC, on the {@link refineGrid} of `size`; needed if {@link takesColours}. */
  readonly image?: Uint8Array;
}

/** How many numbers are refined at once (64 MiB). */
const MAX_REFINED = 2 ** 24;

/** Counts the pixels of images for all measures of an ablation. Memory is reused from one image to the next. */
export class ImageMeasurer {
  private readonly kernels = new MapKernels();
  private readonly byMaps: ReadonlyMap<number, readonly number[]>;

  constructor(private readonly work: Pick<AblationWork, 'maps' | 'measures'>, private readonly parameters: Parameters) {
    const byMaps = new Map<number, number[]>();
    work.measures.forEach(({ maps }, i) => byMaps.set(maps, [...byMaps.get(maps) ?? [], i]));
    this.byMaps = byMaps;
  }

  /** @returns the counts of every measure, and the true labels that they refer to */
  measure(image: MeasuredImage): { truth: TruthSlots; measures: MeasureCounts[] } {
    const { work, kernels } = this;
    const truth = truthSlots(image.truth);
    const results: MeasureCounts[] = new Array<MeasureCounts>(work.measures.length);
    kernels.reset();
    const sweep = new Sweep(kernels, image, truth, this.parameters.thresholds);
    const coloured = new Map<string, number[]>();
    for (const [index, measures] of this.byMaps) {
      const own = work.maps[index];
      if (takesColours(own)) {
        const chain = own.refine?.chain ?? 'none';
        coloured.set(chain, [...coloured.get(chain) ?? [], index]);
        continue;
      }
      let maps: MapRows | undefined;
      for (const m of measures) {
        const measure = work.measures[m];
        if (isPlain(measure) && own.views.length === 1) {
          results[m] = sweep.ofLayers(layersOf(image.views, own)[0], own);
        } else {
          maps ??= fuse(image, own);
          results[m] = isPlain(measure) ? sweep.ofMaps(mapsToArray(maps)) : this.countPolicy(maps, truth, measure);
        }
      }
    }
    for (const [chain, indices] of coloured) this.measureColoured(image, chain, indices, truth, sweep, results);
    return { truth, measures: results };
  }

  private countPolicy(maps: MapRows, truth: TruthSlots, { kind, conflict }: MeasureWork): MeasureCounts {
    return countByThreshold(maps, truth, this.thresholdsFor(kind, maps), conflict);
  }

  /** The threshold in this image for each parameter. */
  private thresholdsFor(kind: MeasureWork['kind'], maps: MapRows): number[] {
    const tried = parametersOf(kind, this.parameters);
    switch (kind) {
      case 'steps': return tried;
      case 'power': return tried.map(powerThreshold);
      case 'otsu': return [otsuThreshold(strengths(maps))];
      case 'percentile': {
        const counts = strengths(maps);
        return tried.map((percent) => percentileOf(counts, percent));
      }
    }
  }

  /** Measures all maps with the same refiners together, because affinities only depend on the photograph. */
  private measureColoured(
    image: MeasuredImage, chain: string, indices: readonly number[], truth: TruthSlots, sweep: Sweep, results: MeasureCounts[],
  ): void {
    const grid = refineGrid(image.size);
    const area = grid[0] * grid[1];
    const specs = parseRefiners(chain);
    const parts = indices.map((index) => {
      const maps = mapsToArray(onGrid(image, this.work.maps[index], grid));
      const power = specs.length > 0 && this.byMaps.get(index)!.some((m) => this.work.measures[m].kind === 'power');
      const backgrounds = power ? parametersOf('power', this.parameters).map((alpha) => powerBackground(maps, area, alpha)) : [];
      return { index, planes: [maps, ...backgrounds] };
    });
    for (const group of groupsOf(parts, MAX_REFINED)) {
      const refined = refineMaps(joined(group.flatMap(({ planes }) => planes)), image.image!, grid, specs);
      let at = 0;
      for (const { index, planes } of group) {
        const take = (length: number): Float32Array => refined.subarray(at, at += length);
        const norm = this.work.maps[index].refine?.norm ?? 'none';
        const maps = enlarged(normalised(new ArrayMaps(take(planes[0].length), image.labels.length, ...grid), norm), image.size);
        const backgrounds = planes.slice(1).map(({ length }) => mapsToArray(enlarged(new ArrayMaps(take(length), 1, ...grid), image.size)));
        for (const m of this.byMaps.get(index)!) {
          const measure = this.work.measures[m];
          if (isPlain(measure)) results[m] = sweep.ofMaps(mapsToArray(maps));
          else if (measure.kind === 'power' && backgrounds.length > 0) results[m] = countBackgrounds(maps, backgrounds, image.labels, truth, measure);
          else results[m] = this.countPolicy(maps, truth, measure);
        }
      }
    }
  }
}

/** Whether a histogram of the strongest map gives the counts. */
function isPlain({ kind, conflict }: MeasureWork): boolean {
  return kind === 'steps' && conflict.kind === 'argmax';
}

/** Whether making the maps needs the photograph's colours. */
export function takesColours({ upsampler, refine }: Pick<MapWork, 'upsampler' | 'refine'>): boolean {
  return upsampler !== undefined || refine !== undefined;
}

function fuse(image: MeasuredImage, work: MapWork): MapRows {
  const { labels, size } = image;
  return fuseViews(layersOf(image.views, work), labels.length, size, work.fusion);
}

/** Maps on the grid for refining, as `mapsOfPhoto` makes them. */
function onGrid(image: MeasuredImage, work: MapWork, grid: Size): MapRows {
  if (work.upsampler === undefined) return fuse({ ...image, size: grid }, work);
  return upsampled(layersOf(image.views, work), image.labels.length, grid, image.image!, work.fusion, parseUpsampler(work.upsampler)).maps;
}

/** Splits parts into groups of at most `limit` numbers, but at least one part. */
function groupsOf<T extends { readonly planes: readonly Float32Array[] }>(parts: readonly T[], limit: number): T[][] {
  const groups: T[][] = [];
  let room = 0;
  for (const part of parts) {
    const size = part.planes.reduce((sum, { length }) => sum + length, 0);
    if (groups.length === 0 || size > room) {
      groups.push([]);
      room = limit;
    }
    groups[groups.length - 1].push(part);
    room -= size;
  }
  return groups;
}

function joined(planes: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(planes.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const plane of planes) {
    all.set(plane, at);
    at += plane.length;
  }
  return all;
}

/** The counts of the seeds with each of several background maps. */
function countBackgrounds(
  maps: MapRows, backgrounds: readonly Float32Array[], labels: readonly number[], truth: TruthSlots, { conflict }: MeasureWork,
): MeasureCounts {
  const columns = labels.length + (conflict.kind === 'ignore' ? 1 : 0);
  const step = truth.count * columns;
  const counts = new Int32Array(backgrounds.length * step);
  const columnOf = new Int8Array(256).fill(-1);
  labels.forEach((label, k) => { columnOf[label] = k; });
  if (columns > labels.length) columnOf[IGNORE_LABEL] = labels.length;
  backgrounds.forEach((background, p) => {
    const { data } = makeSeeds(maps, labels, { background: { kind: 'constant', threshold: 0 }, conflict, rescue: 0 }, background).labels;
    for (let i = 0; i < data.length; i++) {
      const column = columnOf[data[i]];
      if (column >= 0 && truth.slots[i] < truth.count) counts[p * step + truth.slots[i] * columns + column]++;
    }
  });
  return { parameters: backgrounds.length, columns, counts };
}

/** The sweep over constant thresholds, for many maps of one image. */
class Sweep {
  private readonly slots: Bytes;
  private readonly maps: Floats;
  private readonly histogram: Histogram;
  /** Normalised and scaled layers that variants share, by layer and options. */
  private readonly layers = new Map<string, GridMaps>();
  private readonly grids = new Map<string, Grid>();
  private readonly ids = new Map<LayerMaps, number>();

  constructor(
    private readonly kernels: MapKernels, private readonly image: MeasuredImage,
    private readonly truth: TruthSlots, private readonly thresholds: number,
  ) {
    this.slots = kernels.bytesFrom(truth.slots);
    this.maps = kernels.floats(image.labels.length * image.truth.length);
    this.histogram = kernels.histogram(thresholds, truth.count, image.labels.length);
  }

  /** Of the layers of one view, fused as {@link fuseViews} does but within the kernels' memory. */
  ofLayers(layers: readonly LayerMaps[], { fusion }: MapWork): MeasureCounts {
    const prepared = layers.map((layer, i) => this.prepared(layer, fusion, isScaled(fusion, i, layers.length) ? fusion.gamma : undefined));
    const maxima = this.kernels.fuse(prepared, this.image.labels.length, this.maps, fusion.fuse);
    return this.count(fusion.mapNorm === 'max' ? maxima : undefined);
  }

  /** Of maps [K, height, width]. */
  ofMaps(maps: Float32Array): MeasureCounts {
    this.maps.view.set(maps);
    return this.count(undefined);
  }

  private prepared(layer: LayerMaps, fusion: MapWork['fusion'], gamma: number | undefined): GridMaps {
    const { layerNorm, upsample, alignCorners } = fusion;
    const id = this.ids.get(layer) ?? this.ids.size;
    this.ids.set(layer, id);
    const key = `${id} ${layerNorm} ${gamma ?? ''} ${upsample} ${alignCorners}`;
    let found = this.layers.get(key);
    if (found === undefined) {
      found = { maps: this.kernels.floatsFrom(normaliseLayer(layer, this.image.labels.length, layerNorm, gamma)), grid: this.grid(layer, fusion) };
      this.layers.set(key, found);
    }
    return found;
  }

  private grid({ height, width }: LayerMaps, fusion: MapWork['fusion']): Grid {
    const key = `${height} ${width} ${fusion.upsample} ${fusion.alignCorners}`;
    let found = this.grids.get(key);
    if (found === undefined) this.grids.set(key, found = this.kernels.grid([height, width], this.image.size, fusion));
    return found;
  }

  private count(divisors: Float32Array | undefined): MeasureCounts {
    const { histogram, truth: { count }, image: { labels }, thresholds } = this;
    this.kernels.argmaxHistogram(this.maps, this.slots, histogram, divisors);
    const { columns, counts: { view } } = histogram;
    const step = count * labels.length;
    const sums = new Int32Array(thresholds * step);
    // Each threshold has the pixels of the next higher one and those of its own bin.
    for (let bin = thresholds - 1; bin >= 0; bin--) {
      for (let t = 0; t < count; t++) {
        const from = (bin * count + t) * columns + 1;
        for (let k = 0; k < labels.length; k++) {
          const at = bin * step + t * labels.length + k;
          sums[at] = view[from + k] + (bin + 1 < thresholds ? sums[at + step] : 0);
        }
      }
    }
    return { parameters: thresholds, columns: labels.length, counts: sums };
  }
}
