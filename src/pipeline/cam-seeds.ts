import type { PhotoFile } from '../image/photo-file.js';
import type { ClassSet } from '../datasets/classes/class-set.js';
import type { LabelMap } from '../datasets/label-map.js';
import type { Runtime, SessionOptions } from '../runtime/runtime.js';
import { agreedLabels } from '../seeds/agree.js';
import { makeSeeds } from '../seeds/make-seeds.js';
import type { SeedPolicies } from '../seeds/make-seeds.js';
import type { Size } from '../size.js';
import type { ImageClasses } from './image-classes.js';
import { PhotoCam } from './photo-cam.js';
import type { PhotoCamPlan, PhotoResult } from './photo-cam.js';

/** One way to make seeds of class activation maps; plain data, which can be sent to worker threads. */
export interface SeedRecipe {
  readonly photo: PhotoCamPlan;
  readonly policies: SeedPolicies;
}

/** The seeds of a photograph and the maps that they were made of. */
export interface CamSeedResult extends Pick<PhotoResult, 'maps' | 'unrefined' | 'views' | 'size'> {
  readonly labels: LabelMap;
  readonly notes: readonly string[];
  /** Milliseconds of reading, of the network, and of everything after it. */
  readonly times: { readonly read: number; readonly cam: number; readonly seeds: number };
}

/** Makes seeds of class activation maps, by one or several recipes: pixels on which they do not agree become 255. */
export class CamSeeds {
  private constructor(private readonly recipes: readonly SeedRecipe[], private readonly cams: readonly PhotoCam[]) {}

  /** @param recipes the first one's maps are returned */
  static async load(recipes: readonly SeedRecipe[], runtime: Runtime, options: SessionOptions): Promise<CamSeeds> {
    const cams: PhotoCam[] = [];
    for (const { photo } of recipes) cams.push(await PhotoCam.load(photo, runtime, options));
    return new CamSeeds(recipes, cams);
  }

  /**
   * @param unrefined also return the maps before the refiners
   * @throws UserError if the photograph cannot be read
   */
  async make(photo: PhotoFile, { labels, logits }: ImageClasses, classes: ClassSet, unrefined: boolean): Promise<CamSeedResult> {
    const [{ policies }] = this.recipes;
    const [cam, ...others] = this.cams;
    const result = await cam.maps(photo, logits, { unrefined });
    const { maps, maxima, background, limited, times } = result;
    const start = performance.now();
    const notes = limited === undefined ? [] : [`limited to ${limited[1]}x${limited[0]} pixels at the network`];
    const empty = labels.filter((_, k) => maxima[k] === 0);
    notes.push(...empty.map((label) => `the map of ${classes.nameOf(label)} is zero everywhere`));
    const seeds = makeSeeds(maps, labels, policies, background);
    notes.push(...lostNotes(seeds.lost.filter((label) => !empty.includes(label)), policies, classes));
    const own = { read: times.read, cam: times.cam, seeds: times.maps + performance.now() - start };
    if (others.length === 0) return { ...result, labels: seeds.labels, notes, times: own };
    const agreed = await this.agreed(seeds.labels, photo, { labels, logits }, classes);
    return {
      ...result, labels: agreed.labels, notes: [...notes, ...agreed.notes],
      times: { ...own, cam: own.cam + agreed.cam, seeds: own.seeds + agreed.seeds },
    };
  }

  /** Decodes a photograph without classes, to find out whether it is damaged. */
  async decode(imagePath: string): Promise<{ readonly size: Size; readonly read: number }> {
    const { size, times: { read } } = await this.cams[0].layerMaps(imagePath, []);
    return { size, read };
  }

  /** Compares seeds with those of the other recipes. */
  private async agreed(
    first: LabelMap, photo: PhotoFile, { labels, logits }: ImageClasses, classes: ClassSet,
  ): Promise<Pick<CamSeedResult, 'labels' | 'notes'> & { readonly cam: number; readonly seeds: number }> {
    const start = performance.now();
    let cam = 0;
    const compared: LabelMap[] = [];
    for (const [i, other] of this.cams.entries()) {
      if (i === 0) continue;
      const { maps, background, times } = await other.maps(photo, logits);
      cam += times.read + times.cam;
      compared.push(makeSeeds(maps, labels, this.recipes[i].policies, background).labels);
    }
    const agreed = agreedLabels(first, compared);
    const [before, after] = [new Set(first.data), new Set(agreed.data)];
    const disputed = labels.filter((label) => before.has(label) && !after.has(label));
    const notes = disputed.map((label) => `the settings agree on no pixel of ${classes.nameOf(label)}`);
    return { labels: agreed, notes, cam, seeds: performance.now() - start - cam };
  }
}

/** Notes on classes that got no pixel by the policies. */
export function lostNotes(lost: readonly number[], { rescue }: SeedPolicies, classes: ClassSet): string[] {
  return lost.map((label) => `${classes.nameOf(label)} gets ${rescue > 0 ? 'only its strongest pixels (rescue)' : 'no pixel'}`);
}
