import { floatsOf } from '../cam/gradient-program.js';
import type { LayerMaps } from '../cam/layer-maps.js';
import type { LabelMap } from '../datasets/label-map.js';
import { mirrored, toTensor } from '../image/normalise.js';
import type { Normalisation } from '../image/normalise.js';
import type { PhotoFile } from '../image/photo-file.js';
import { shareBytes } from '../jobs/workers/shared-bytes.js';
import { ArrayMaps, mapsToArray } from '../maps/map-rows.js';
import type { MapRows } from '../maps/map-rows.js';
import { fuseViews, turnedBack, viewsOf } from '../maps/multi-scale.js';
import type { MultiScaleOptions, View } from '../maps/multi-scale.js';
import { enlarged } from '../maps/photo-maps.js';
import { parseRefiners, refineGrid, refineMaps } from '../maps/refine/refiners.js';
import type { RefinerSpec } from '../maps/refine/refiners.js';
import { serializeModel } from '../onnx/file/write.js';
import { loadGraph } from '../runtime/load-graph.js';
import type { Runtime, Session, SessionOptions } from '../runtime/runtime.js';
import type { Size } from '../size.js';
import type { Student } from './load.js';
import { addSeeds, maskedSoftmax } from './probabilities.js';
import type { StudentSettings } from './settings.js';
import type { StudentSpec } from './spec.js';
import { STUDENT_LOGITS, studentInputSize } from './spec.js';

/** What a {@link StudentRunner} is loaded from: plain data, which can be sent to worker threads. */
export interface StudentPlan {
  readonly graph: Uint8Array;
  /** The name of the image input. */
  readonly input: string;
  readonly normalisation: Normalisation;
  readonly sides: Pick<StudentSpec, 'short' | 'long'>;
  /** Views of the same scale are adjacent. */
  readonly views: readonly View[];
  readonly refiners: readonly RefinerSpec[];
  /** The weight of other seeds, relative to the student's 1. */
  readonly camWeight: number;
}

/** What a student says about a photograph, at the photograph's size. */
export interface StudentMaps {
  /** A map of probabilities per class of the photograph, 0..1. */
  readonly maps: MapRows;
  /** [height, width], the probability of the background. Before refining, it and the maps sum to 1. */
  readonly background: Float32Array;
  /** Milliseconds. `maps`: fusing and refining. */
  readonly times: { readonly read: number; readonly network: number; readonly maps: number };
}

/** Means of views, without any scaling. */
const MEAN: MultiScaleOptions = {
  layerNorm: 'none', scaleLayers: 'none', gamma: 1, fuse: 'mean', upsample: 'bilinear', alignCorners: false, mapNorm: 'none',
  scaleNorm: 'none', scaleFuse: 'mean', fuseFirst: 'layers',
};

/** The sides of inputs are multiples of this, so that every stage of the network has whole cells. */
const STRIDE = 32;

/** The size at which a student sees a photograph, at a scale. */
export function scaledInputSize(photo: Size, sides: StudentPlan['sides'], scale: number): Size {
  const [height, width] = studentInputSize(photo, sides);
  if (scale === 1) return [height, width];
  const rounded = (side: number): number => Math.max(STRIDE, STRIDE * Math.round(side * scale / STRIDE));
  return [rounded(height), rounded(width)];
}

/** Prepares a student for worker threads. */
export function planStudent({ network, spec, student }: Student, settings: StudentSettings): StudentPlan {
  const { channelOrder, scale, mean, std } = spec;
  return {
    graph: shareBytes(serializeModel(network.model)), input: network.input.name, normalisation: { channelOrder, scale, mean, std },
    sides: { short: student.short, long: student.long }, views: viewsOf({ scales: settings.studentScales, flip: settings.studentFlip }),
    refiners: parseRefiners(settings.studentRefine), camWeight: settings.camWeight,
  };
}

/** A loaded student. */
export class StudentRunner {
  private constructor(private readonly plan: StudentPlan, private readonly session: Session) {}

  static async load(plan: StudentPlan, runtime: Runtime, options: SessionOptions): Promise<StudentRunner> {
    return new StudentRunner(plan, await loadGraph(runtime, plan.graph, options));
  }

  /**
   * The probabilities of some classes and the background: the softmax over their logits alone, averaged over all views, with other
   * seeds if there are any, refined.
   *
   * @param channels the channel of each class in the student's logits, from 1
   * @param labels the label of each class, for `seeds`
   * @param seeds other seeds of the photograph, which count with the plan's `camWeight`
   * @throws UserError if the photograph cannot be read
   */
  async maps(photo: PhotoFile, channels: readonly number[], labels: readonly number[], seeds?: LabelMap): Promise<StudentMaps> {
    const { original } = photo;
    const { views, read, network } = await this.run(photo, [0, ...channels]);
    const start = performance.now();
    const { refiners, camWeight } = this.plan;
    const grid = refiners.length === 0 ? original : refineGrid(original);
    const planes = channels.length + 1;
    const probabilities = Float32Array.from(mapsToArray(fuseViews(views.map((view) => [view]), planes, grid, MEAN)));
    if (seeds !== undefined && camWeight > 0) addSeeds({ data: probabilities, height: grid[0], width: grid[1] }, labels, seeds, camWeight);
    const refined = refiners.length === 0 ? probabilities : refineMaps(probabilities, await photo.at(grid), grid, refiners);
    const large = mapsToArray(enlarged(new ArrayMaps(refined, planes, ...grid), original));
    const area = original[0] * original[1];
    return {
      maps: new ArrayMaps(large.subarray(area), channels.length, ...original), background: large.subarray(0, area),
      times: { read, network, maps: performance.now() - start },
    };
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  /** The probabilities [channels, h, w] of each view; those of mirrored views are mirrored back. */
  private async run(photo: PhotoFile, channels: readonly number[]): Promise<{ views: LayerMaps[]; read: number; network: number }> {
    const { plan: { views: wanted, sides, input, normalisation } } = this;
    const views: LayerMaps[] = [];
    let [read, network] = [0, 0];
    let shown: { readonly scale: number; readonly tensor: Float32Array; readonly size: Size } | undefined;
    for (const { scale, flip } of wanted) {
      const start = performance.now();
      if (shown?.scale !== scale) {
        const size = scaledInputSize(photo.original, sides, scale);
        shown = { scale, size, tensor: toTensor(await photo.at(size), size, normalisation) };
      }
      const loaded = performance.now();
      const { tensor, size } = shown;
      const { [STUDENT_LOGITS]: logits } = await this.session.run({
        [input]: { type: 'float32', dims: [1, 3, ...size], data: flip ? mirrored(tensor, size[1]) : tensor },
      });
      const [, , height, width] = logits.dims;
      const maps = { height, width, data: maskedSoftmax(floatsOf(logits), height * width, channels) };
      views.push(flip ? turnedBack(maps) : maps);
      read += loaded - start;
      network += performance.now() - loaded;
    }
    return { views, read, network };
  }
}
