import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderRegions } from '../../../src/datasets/coco/render.js';
import { refusal, repository } from '../../helpers.js';

// Masks by pycocotools: test/fixtures/coco/make_coco.py.

interface Case { readonly height: number; readonly width: number; readonly segmentation: unknown }
const { named, random } = JSON.parse(readFileSync(join(repository, 'test/fixtures/coco/segmentations.json'), 'utf8')) as {
  readonly named: readonly (Case & { readonly name: string; readonly bits: string })[];
  readonly random: readonly (Case & { readonly sha256: string })[];
};

const maskOf = ({ height, width, segmentation }: Case): Uint8Array => (
  renderRegions([{ name: 'annotation 5', label: 1, crowd: false, segmentation }], height, width).data);

function unpacked(bits: string, count: number): number[] {
  const bytes = Buffer.from(bits, 'base64');
  return Array.from({ length: count }, (_, i) => bytes[i >> 3] >> (7 - (i & 7)) & 1);
}

describe('the mask of a segmentation', () => {
  it.each(named)('$name is that of pycocotools', (one) => {
    expect(Array.from(maskOf(one))).toEqual(unpacked(one.bits, one.height * one.width));
  });

  it('is that of pycocotools for 200 random polygons, also beyond the image', () => {
    const wrong = random.filter((one) => createHash('sha256').update(maskOf(one)).digest('hex') !== one.sha256);
    expect(wrong).toEqual([]);
  });
});

describe('segmentations that are not valid', () => {
  const [height, width] = [4, 3];
  const problem = (segmentation: unknown): string => refusal(() => maskOf({ height, width, segmentation })).message;
  const coded = (counts: unknown, size: unknown = [4, 3]): string => problem({ size, counts });

  it('are refused with the id of the annotation', () => {
    expect(problem([[1, 2, 3, 4, 5]])).toBe('annotation 5: its polygon has 5 coordinates, an odd number');
    expect(problem([[1, 2, 3, 4]])).toBe('annotation 5: its polygon has 2 corners');
    expect(problem([[1, 2, 'a', 4, 5, 6]])).toBe('annotation 5: its polygon is not a list of numbers');
    expect(problem([[1, 2, null, 4, 5, 6]])).toBe('annotation 5: its polygon is not a list of numbers');
    expect(problem([[0, 0, 1e12, 0, 1, 1]])).toBe('annotation 5: its polygon is far larger than any image');
    expect(problem([])).toBe('annotation 5: its segmentation is empty');
    expect(problem(undefined)).toBe('annotation 5: it has no segmentation');
    expect(problem(null)).toBe('annotation 5: it has no segmentation');
    expect(coded([12], [3, 4])).toBe('annotation 5: its segmentation has the size [3,4], but the image is [4, 3] (height, width)');
    expect(coded(undefined)).toBe('annotation 5: its segmentation has no counts');
    expect(coded([3, 8])).toBe('annotation 5: its run-length code covers 11 pixels, but 4 x 3 (height x width) is 12');
    expect(coded([13, -1])).toBe('annotation 5: its run-length code has the run -1');
    expect(coded([11.5, 0.5])).toBe('annotation 5: its run-length code has the run 11.5');
    // One character is 48 + five bits, and 32 more if others follow (maskApi.c): '=' is 13, 'P' is the beginning of a number.
    expect(coded('=')).toBe('annotation 5: its run-length code covers 13 pixels, but 4 x 3 (height x width) is 12');
    expect(coded('P')).toBe('annotation 5: its run-length code ends within a number');
    expect(coded('~')).toBe('annotation 5: its run-length code has the character \'~\'');
    expect(coded('O')).toBe('annotation 5: its run-length code has a negative run');
    expect(coded('oooooooo0')).toBe('annotation 5: its run-length code has a number that is too large');
  });
});
