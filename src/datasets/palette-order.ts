import type { ClassSet } from './classes/class-set.js';

// Tools that re-compress palette PNGs (ImageMagick, Pillow's quantize, sharp, pngquant) keep the colours but renumber them.
// The indices of such a mask are not the labels that its colours show. A different palette (gray, random, Cityscapes') says
// nothing about the labels.

/** The meaning of a palette colour: the label with this colour, `white` (often void), or nothing. */
export type ColourMeaning = number | 'white' | undefined;

/** The meaning of a colour. Only labels that a mask can have (for VOC 0..20 and 255) count. */
function colourMeaning(red: number, green: number, blue: number, classes: ClassSet): ColourMeaning {
  if (red === 255 && green === 255 && blue === 255) return 'white';
  const label = classes.labelOfColour(red, green, blue);
  return label === undefined || !classes.hasLabel(label) ? undefined : label;
}

/** The meanings of a palette's colours, in order. */
export function paletteMeanings(palette: Uint8Array, classes: ClassSet): ColourMeaning[] {
  return Array.from({ length: palette.length / 3 }, (_, i) => colourMeaning(palette[3 * i], palette[3 * i + 1], palette[3 * i + 2], classes));
}

/** Whether a palette is that of the classes, or its beginning. */
export function isPaletteOf(classes: ClassSet, palette: Uint8Array): boolean {
  return Buffer.compare(palette, classes.palette.subarray(0, palette.length)) === 0;
}

/**
 * Detects a palette with the colours of the classes in another order.
 *
 * A used index is evidence for this if it has the colour of another label, except black (which every palette has). It is
 * evidence against it if its colour is neither a VOC label's nor white (often used for void). There must be more evidence
 * for than against. A single such index may be chance, so unused colours then count against it as well: a tool that renumbers
 * colours keeps only used ones. For example, Windows' palette of 16 colours has VOC's colour of 7 at index 8. VOC's palette
 * with red and blue swapped for all labels does not count as another order.
 *
 * @param used the indices in use, ascending
 * @returns the first index with the colour of another label, and that label; `undefined` if the indices are the labels
 */
export function findReordered(
  used: readonly number[], palette: Uint8Array, classes: ClassSet,
): { readonly index: number; readonly label: number } | undefined {
  const meanings = paletteMeanings(palette, classes);
  const misplaced = misplacedOf(used, meanings);
  if (misplaced.length === 0 || isSwapped(palette, classes)) return undefined;
  const foreign = used.filter((index) => index < meanings.length && meanings[index] === undefined).length;
  if (foreign >= misplaced.length || (misplaced.length === 1 && hasOtherColours(palette, classes))) return undefined;
  return { index: misplaced[0], label: meanings[misplaced[0]] as number };
}

/** The indices with the colour of another label, except black. */
export function misplacedOf(used: readonly number[], meanings: readonly ColourMeaning[]): number[] {
  return used.filter((index) => {
    const meaning = meanings[index];
    return typeof meaning === 'number' && meaning !== 0 && meaning !== index;
  });
}

/** Whether a palette has colours that the palette of the classes does not have. Grays do not count: palettes are padded with them. */
function hasOtherColours(palette: Uint8Array, classes: ClassSet): boolean {
  for (let i = 0; i < palette.length; i += 3) {
    const [red, green, blue] = palette.subarray(i, i + 3);
    if ((red !== green || green !== blue) && classes.labelOfColour(red, green, blue) === undefined) return true;
  }
  return false;
}

/** Whether a palette has the colours of all labels with red and blue swapped. */
function isSwapped(palette: Uint8Array, { palette: own, labelCount }: ClassSet): boolean {
  if (palette.length < 3 * labelCount) return false;
  for (let i = 0; i < 3 * labelCount; i += 3) {
    if (palette[i] !== own[i + 2] || palette[i + 1] !== own[i + 1] || palette[i + 2] !== own[i]) return false;
  }
  return true;
}
