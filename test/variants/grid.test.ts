import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expandGrid } from '../../src/variants/grid.js';
import type { Variant } from '../../src/variants/variant.js';
import { resolveVariants } from '../../src/variants/variant.js';
import { planWork } from '../../src/ablate/work.js';
import type { ClassifierGraph } from '../../src/classifier/classifier.js';
import { loadClassifier } from '../../src/classifier/load.js';
import { ablateSchema } from '../../src/settings/ablate.js';
import { AXIS_NAMES } from '../../src/settings/axes.js';
import type { Grid, NamedVariant, VariantSettings } from '../../src/settings/axes.js';
import { writeTinyClassifier } from '../pipeline/tiny.js';

const config = ablateSchema.parse({});
const base = Object.fromEntries(AXIS_NAMES.map((axis) => [axis, config[axis]])) as VariantSettings;

let folder: string;
let graph: ClassifierGraph;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'voc-seeds-grid-'));
  await writeTinyClassifier(join(folder, 'tiny.onnx'));
  ({ graph } = await loadClassifier(join(folder, 'tiny.onnx')));
});
afterAll(() => rm(folder, { recursive: true }));

const resolve = (grid: Grid, named: readonly NamedVariant[] = [], changes: Partial<VariantSettings> = {}) => (
  resolveVariants(graph, expandGrid({ ...base, ...changes }, grid, named))
);
const names = (variants: readonly Variant[]): string[] => variants.map(({ name }) => name);

describe('expandGrid', () => {
  it('is the product of all axes, in the order of the settings', () => {
    const wanted = expandGrid(base, { fuse: ['max', 'mean'], gamma: [1, 2, 3] }, []);
    expect(wanted.map(({ settings: { gamma, fuse } }) => `${gamma} ${fuse}`)).toEqual(['1 max', '1 mean', '2 max', '2 mean', '3 max', '3 mean']);
    expect(wanted.every(({ settings: { layers } }) => layers === base.layers)).toBe(true);
  });

  it('puts listed variants behind the grid, or takes them alone', () => {
    const named = [{ name: 'deep', layers: ['/32'] }];
    expect(expandGrid(base, { gamma: [1, 2] }, named).map(({ name }) => name)).toEqual([undefined, undefined, 'deep']);
    expect(expandGrid(base, {}, named)).toEqual([{ name: 'deep', settings: { ...base, layers: ['/32'] } }]);
    expect(expandGrid(base, {}, [])).toEqual([{ settings: base }]);
  });
});

describe('resolveVariants', () => {
  it('drops variants in which a setting has no effect, and names the others by what differs', () => {
    const { variants, dropped } = resolve({ layers: [['/32'], ['/32', '/16']], gamma: [1, 2], fuse: ['max', 'mean'] });
    // A single layer is neither scaled nor fused: four become one.
    expect(names(variants)).toEqual(['/32', '/32,/16 gamma 1 max', '/32,/16 gamma 1 mean', '/32,/16 gamma 2 max', '/32,/16 gamma 2 mean']);
    expect(dropped).toBe(3);
  });

  it('finds sets of layers equal whatever their order and names', () => {
    const deepest = graph.resolveLayers(['/32'])[0].name;
    const { variants, dropped } = resolve({ layers: [['/32', '/16'], ['/16', '/32'], ['/16', deepest], ['/16', '/32@layer-cam']] });
    expect(variants.length).toBe(1);
    expect(dropped).toBe(3);
    expect(resolve({ method: ['grad-cam', 'layer-cam'] }, [], { layers: ['/32@grad-cam'] }).variants.length).toBe(1);
  });

  it('knows that scales do not matter to one view', () => {
    const { variants } = resolve({ scales: [[1], [0.5, 1]], scaleFuse: ['mean', 'max'], fuseFirst: ['layers', 'scales'] });
    expect(names(variants)).toEqual([
      'x1', 'x0.5,1 scales by mean layers first', 'x0.5,1 scales by mean scales first', 'x0.5,1 scales by max layers first', 'x0.5,1 scales by max scales first',
    ]);
    expect(resolve({ flip: [false, true], scaleNorm: ['max', 'none'] }).variants.length).toBe(3);
  });

  it('keeps given names, and the name of a variant that equals one of the grid', () => {
    const { variants } = resolve({ layers: [['/16'], ['/32']] }, [{ name: 'deepest', layers: ['/32'], gamma: 5 }]);
    expect(names(variants)).toEqual(['/16', 'deepest']);
    expect(() => resolve({}, [{ name: 'a' }, { name: 'a', layers: ['/8'] }])).toThrow('two variants are called \'a\'');
    expect(names(resolve({}, [{ name: 'x', layers: ['/8'] }, { name: 'y', layers: ['/16'] }]).variants)).toEqual(['x', 'y']);
  });

  it('refuses thresholds per class where others have a say', () => {
    expect(() => resolve({ background: ['per-class'], conflict: ['smaller-first'] })).toThrow('thresholds per class cannot be tuned');
  });

  it('refuses layers that are not there', () => {
    expect(() => resolve({ layers: [['/64']] })).toThrow('no feature layer at stride 64');
  });
});

describe('planWork', () => {
  it('computes what variants share once', () => {
    const { variants } = resolve({ layers: [['/32'], ['/8', '/32']], method: ['layer-cam', 'grad-cam'], background: ['constant', 'per-class', 'otsu'] });
    const work = planWork(variants, graph.layers.map(({ name }) => name));
    expect(variants.length).toBe(12);
    expect(work.layers).toEqual(graph.resolveLayers(['/8', '/32']).map(({ name }) => name));
    expect(work.methods).toEqual(['layer-cam', 'grad-cam']);
    expect(work.views).toEqual([{ scale: 1, flip: false }]);
    expect(work.maps.length).toBe(4);
    // One threshold and thresholds per class are read from the same counts.
    expect(work.measures.length).toBe(8);
    expect(work.measureOf.slice(0, 3)).toEqual([0, 0, 1]);
    expect(work.maps[3].requests.map((i) => work.requests[i])).toEqual([{ layer: 0, method: 1 }, { layer: 1, method: 1 }]);
  });

  it('unites the views', () => {
    const { variants } = resolve({}, [{ name: 'one', flip: true }, { name: 'many', scales: [2, 0.5, 1] }]);
    const work = planWork(variants, graph.layers.map(({ name }) => name));
    expect(work.views).toEqual([{ scale: 0.5, flip: false }, { scale: 1, flip: false }, { scale: 1, flip: true }, { scale: 2, flip: false }]);
    expect(work.maps.map(({ views }) => views)).toEqual([[1, 2], [3, 0, 1]]);
  });
});
