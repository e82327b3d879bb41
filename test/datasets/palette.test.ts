import { expect, it } from 'vitest';
import { VOC } from '../../src/datasets/classes/voc.js';
import { VOC_PALETTE } from '../../src/datasets/palette.js';

// The colours that the devkit publishes for its classes.
const published: readonly (readonly [label: number, red: number, green: number, blue: number])[] = [
  [0, 0, 0, 0], [1, 128, 0, 0], [2, 0, 128, 0], [3, 128, 128, 0], [4, 0, 0, 128], [5, 128, 0, 128], [6, 0, 128, 128],
  [7, 128, 128, 128], [8, 64, 0, 0], [9, 192, 0, 0], [10, 64, 128, 0], [11, 192, 128, 0], [12, 64, 0, 128], [13, 192, 0, 128],
  [14, 64, 128, 128], [15, 192, 128, 128], [16, 0, 64, 0], [17, 128, 64, 0], [18, 0, 192, 0], [19, 128, 192, 0], [20, 0, 64, 128],
  [255, 224, 224, 192],
];

it.each(published)('label %i is (%i, %i, %i)', (label, ...colour) => {
  expect(VOC.colourOf(label)).toEqual(colour);
  expect(VOC.labelOfColour(...colour)).toBe(label);
});

it('gives each of the 256 labels a colour of its own', () => {
  expect(VOC_PALETTE).toHaveLength(768);
  expect(new Set(Array.from({ length: 256 }, (_, label) => VOC.colourOf(label).join())).size).toBe(256);
});

it('knows no label for other colours', () => {
  expect(VOC.labelOfColour(1, 2, 3)).toBeUndefined();
  expect(VOC.labelOfColour(128, 0, 1)).toBeUndefined();
});
