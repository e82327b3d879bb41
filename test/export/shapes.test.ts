import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { componentsOf, runLengths } from '../../src/export/shapes/components.js';
import { outlineOf } from '../../src/export/shapes/outline.js';
import { overlayLabels } from '../../src/export/shapes/overlay.js';
import { encodeRleCounts } from '../../src/formats/coco-rle.js';

interface Expected {
  readonly label: number;
  readonly area: number;
  readonly bbox: readonly number[];
  readonly counts: string;
  readonly outline: readonly number[];
}

/** By SciPy, pycocotools and OpenCV: see test/fixtures/export/make_export.py. */
const fixture = JSON.parse(readFileSync(new URL('../fixtures/export/components.json', import.meta.url), 'utf8')) as {
  cases: Record<string, { height: number; width: number; labels: string; components: Expected[] }>;
  rle: { counts: number[]; text: string }[];
};

const byText = (a: { counts: string }, b: { counts: string }): number => (a.counts < b.counts ? -1 : 1);

describe('connected components', () => {
  it.each(Object.entries(fixture.cases))('are those of SciPy, pycocotools and OpenCV: %s', (_, { height, width, labels, components }) => {
    const map = { height, width, data: Uint8Array.from(Buffer.from(labels, 'hex')) };
    const found = componentsOf(map).map((component) => {
      const { label, area, left, top, right, bottom } = component;
      return {
        label, area, bbox: [left, top, right - left + 1, bottom - top + 1], counts: encodeRleCounts(runLengths(component, width * height)),
        outline: outlineOf(component, map),
      };
    });
    expect(found.map(({ label }) => label)).toEqual(found.map(({ label }) => label).sort((a, b) => a - b));
    const expected = components.map(({ label, area, bbox, counts, outline }) => ({ label, area, bbox, counts, outline }));
    expect(found.sort(byText)).toEqual(expected.sort(byText));
  });

  it('leave out small ones', () => {
    const { height, width, labels, components } = fixture.cases.sparse;
    const map = { height, width, data: Uint8Array.from(Buffer.from(labels, 'hex')) };
    for (const least of [1, 2, 3, 10]) expect(componentsOf(map, least)).toHaveLength(components.filter(({ area }) => area >= least).length);
  });
});

describe('encodeRleCounts', () => {
  it.each(fixture.rle)('writes what pycocotools writes: $text', ({ counts, text }) => {
    expect(encodeRleCounts(counts)).toBe(text);
  });
});

describe('overlayLabels', () => {
  it('blends colours by alpha, and leaves the background alone', () => {
    const pixels = Uint8Array.of(10, 20, 30, 10, 20, 30, 100, 0, 255);
    const palette = new Uint8Array(768);
    palette.set([200, 100, 0], 3);
    palette.set([224, 224, 192], 3 * 255);
    overlayLabels(pixels, { width: 3, height: 1, data: Uint8Array.of(0, 1, 255) }, palette, 0.25);
    // 0.75 * 10 + 0.25 * 200 = 57.5, 0.75 * 20 + 25 = 40, 22.5; 75 + 56 = 131, 56, 191.25 + 48 = 239.25
    expect([...pixels]).toEqual([10, 20, 30, 58, 40, 23, 131, 56, 239]);
  });
});
