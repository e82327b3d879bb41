import { describe, expect, it } from 'vitest';
import { DEFAULT_MULTI_SCALE } from '../maps/defaults.js';
import { ImageMeasurer } from '../../src/ablate/measure-image.js';
import type { MeasuredImage } from '../../src/ablate/measure-image.js';
import type { MeasureCounts } from '../../src/ablate/record.js';
import type { AblationWork, MeasureWork, Parameters } from '../../src/ablate/work.js';
import { DEFAULT_FUSION } from '../../src/maps/fusion.js';
import { ArrayMaps, mapsToArray } from '../../src/maps/map-rows.js';
import { fuseViews } from '../../src/maps/multi-scale.js';
import { parseRefiners, refineMaps } from '../../src/maps/refine/refiners.js';
import type { BackgroundPolicy } from '../../src/seeds/background.js';
import { powerBackground } from '../../src/maps/power-background.js';
import { makeSeeds } from '../../src/seeds/make-seeds.js';
import type { MapWork } from '../../src/variants/map-plan.js';
import { noise, uniform } from '../random.js';

const size = [37, 53] as const;
const area = size[0] * size[1];
const labels = [4, 9];

/** Maps of two classes at three layers, for two views; a truth with void pixels; a photograph. */
function image(seed: number): MeasuredImage {
  const random = uniform(seed);
  const layer = (height: number, width: number, view: number) => (
    { height, width, data: noise(2 * height * width, seed + 100 * height + view).map((value) => Math.max(0, value) * 3) }
  );
  return {
    views: [0, 1].map((view) => [layer(10, 14, view), layer(5, 7, view), layer(3, 4, view)]),
    labels, size: [...size],
    truth: Uint8Array.from({ length: area }, () => [0, 0, 4, 9, 255, 17][Math.floor(6 * random())]),
    image: Uint8Array.from({ length: 3 * area }, () => 256 * random()),
  };
}

const fusion = { ...DEFAULT_FUSION, ...DEFAULT_MULTI_SCALE };
const parameters: Parameters = { thresholds: 20, alphas: [2, 8], percentiles: [50, 80] };
const requests = [0, 1, 2];
const argmax = { kind: 'argmax' } as const;

/** The pixels of each true label that `generate` labels as a class, or ignores. */
function expectedCounts(own: MeasuredImage, data: Uint8Array, ignored: boolean): number[] {
  return [0, 4, 9, 17].flatMap((truth) => [...labels, ...ignored ? [255] : []].map((label) => (
    data.filter((value, i) => own.truth[i] === truth && value === label).length
  )));
}

function check(own: MeasuredImage, counts: MeasureCounts, seedsOf: ((parameter: number) => Uint8Array), ignored = false): void {
  const step = 4 * counts.columns;
  for (let p = 0; p < counts.parameters; p++) {
    expect([...counts.counts.subarray(p * step, (p + 1) * step)], `parameter ${p}`).toEqual(expectedCounts(own, seedsOf(p), ignored));
  }
}

function measure(own: MeasuredImage, maps: readonly MapWork[], measures: readonly MeasureWork[]): MeasureCounts[] {
  const work: Pick<AblationWork, 'maps' | 'measures'> = { maps, measures };
  const measurer = new ImageMeasurer(work, parameters);
  // Twice: nothing of another image may be left.
  measurer.measure(image(99));
  return measurer.measure(own).measures;
}

const seeds = (maps: ArrayMaps, background: BackgroundPolicy, conflict: MeasureWork['conflict'] = argmax): Uint8Array => (
  makeSeeds(maps, labels, { background, conflict, rescue: 0 }).labels.data
);

describe('ImageMeasurer', () => {
  const own = image(3);
  const fused = (work: MapWork): ArrayMaps => (
    new ArrayMaps(mapsToArray(fuseViews(work.views.map((view) => own.views[view]), 2, size, work.fusion)), 2, ...size)
  );
  const recipes: Record<string, MapWork> = {
    'max of one view': { views: [0], requests, fusion },
    'mean of one view, not normalised': { views: [1], requests, fusion: { ...fusion, fuse: 'mean', mapNorm: 'none', scaleLayers: 'all', gamma: 3 } },
    'nearest': { views: [0], requests, fusion: { ...fusion, upsample: 'nearest', layerNorm: 'none' } },
    'two views': { views: [0, 1], requests, fusion: { ...fusion, fuse: 'mean' } },
    'two views, scales first': { views: [0, 1], requests, fusion: { ...fusion, fuseFirst: 'scales', scaleFuse: 'max' } },
  };

  it('counts what seeds hold, at every threshold and for all ways to maps at once', () => {
    const maps = Object.values(recipes);
    const results = measure(own, maps, maps.map((_, index) => ({ maps: index, kind: 'steps', conflict: argmax })));
    results.forEach((counts, index) => {
      const expected = fused(maps[index]);
      check(own, counts, (p) => seeds(expected, { kind: 'constant', threshold: p / 20 }));
    });
  });

  it('counts every background and conflict policy', () => {
    const maps = [recipes['max of one view']];
    const conflicts = [argmax, { kind: 'ignore', margin: 0.1 }, { kind: 'smaller-first' }] as const;
    const kinds = ['steps', 'power', 'percentile', 'otsu'] as const;
    const measures = kinds.flatMap((kind) => conflicts.map((conflict): MeasureWork => ({ maps: 0, kind, conflict })));
    const expected = fused(maps[0]);
    measure(own, maps, measures).forEach((counts, m) => {
      const { kind, conflict } = measures[m];
      const policy = (p: number): BackgroundPolicy => ({
        steps: { kind: 'constant', threshold: p / 20 } as const,
        // Tried from the largest alpha, that is the lowest threshold, to the smallest.
        power: { kind: 'power', alpha: [8, 2][p] } as const,
        percentile: { kind: 'percentile', percent: [50, 80][p] } as const,
        otsu: { kind: 'otsu' } as const,
      }[kind]);
      expect(counts.parameters).toBe({ steps: 20, power: 2, percentile: 2, otsu: 1 }[kind]);
      check(own, counts, (p) => seeds(expected, policy(p), conflict), conflict.kind === 'ignore');
    });
  });

  it('counts refined maps, several through one refiner', () => {
    const maps: MapWork[] = [
      { ...recipes['max of one view'], refine: { chain: 'pamr:iterations=2', norm: 'max' } },
      { ...recipes['two views'], refine: { chain: 'pamr:iterations=2', norm: 'none' } },
      { ...recipes['two views'], refine: { chain: 'guided', norm: 'max' } },
    ];
    const measures: MeasureWork[] = [
      ...maps.map((_, index): MeasureWork => ({ maps: index, kind: 'steps', conflict: argmax })),
      { maps: 0, kind: 'power', conflict: argmax }, { maps: 1, kind: 'power', conflict: { kind: 'ignore', margin: 0.1 } }, { maps: 2, kind: 'otsu', conflict: argmax },
    ];
    const results = measure(own, maps, measures);
    const refined = maps.map((work) => {
      const before = mapsToArray(fused(work));
      const refine = (planes: Float32Array): Float32Array => refineMaps(planes, own.image!, size, parseRefiners(work.refine!.chain));
      const after = refine(before);
      if (work.refine!.norm === 'max') {
        for (const plane of [after.subarray(0, area), after.subarray(area)]) {
          const maximum = plane.reduce((a, b) => Math.max(a, b));
          for (let i = 0; i < area; i++) plane[i] /= maximum;
        }
      }
      return { maps: new ArrayMaps(after, 2, ...size), background: (alpha: number) => refine(powerBackground(before, area, alpha)) };
    });
    maps.forEach((_, index) => { check(own, results[index], (p) => seeds(refined[index].maps, { kind: 'constant', threshold: p / 20 })); });
    const against = (index: number, alpha: number, conflict: MeasureWork['conflict']): Uint8Array => (
      makeSeeds(refined[index].maps, labels, { background: { kind: 'power', alpha }, conflict, rescue: 0 }, refined[index].background(alpha)).labels.data
    );
    check(own, results[3], (p) => against(0, [8, 2][p], argmax));
    check(own, results[4], (p) => against(1, [8, 2][p], measures[4].conflict), true);
    check(own, results[5], () => seeds(refined[2].maps, { kind: 'otsu' }));
  });
});
