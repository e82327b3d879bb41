import { IGNORE_LABEL } from './label-map.js';
import { VOC_PALETTE, vocLabelOfColour } from './palette.js';
import { VOC_CLASSES } from './classes/voc.js';

// Tools that re-compress palette PNGs (ImageMagick, Pillow's quantize, sharp, pngquant) keep the colours but renumber them.
// The indices of such a mask are not the labels that its colours show. A different palette (gray, random, Cityscapes') says
// nothing about the labels.

/** The meaning of a palette colour: the label with this VOC colour, `white` (often void), or nothing. */
export type ColourMeaning = number | 'white' | undefined;

/** The meaning of a colour. Only labels that a mask can have (0..20 and 255) count. */
export function colourMeaning(red: number, green: number, blue: number): ColourMeaning {
  if (red === 255 && green === 255 && blue === 255) return 'white';
  const label = vocLabelOfColour(red, green, blue);
  return label === undefined || (label > VOC_CLASSES.length && label !== IGNORE_LABEL) ? undefined : label;
}

/** The meanings of a palette's colours, in order. */
export function paletteMeanings(palette: Uint8Array): ColourMeaning[] {
  return Array.from({ length: palette.length / 3 }, (_, i) => colourMeaning(palette[3 * i], palette[3 * i + 1], palette[3 * i + 2]));
}

/** Whether a palette is VOC's, or its beginning. */
export function isVocPalette(palette: Uint8Array): boolean {
  return Buffer.compare(palette, VOC_PALETTE.subarray(0, palette.length)) === 0;
}

/**
 * Detects a palette with VOC's colours in another order.
 *
 * A used index is evidence for this if it has the VOC colour of another label, except black (which every palette has). It is
 * evidence against it if its colour is neither a VOC label's nor white (often used for void). There must be more evidence
 * for than against. A single such index may be chance, so unused colours then count against it as well: a tool that renumbers
 * colours keeps only used ones. For example, Windows' palette of 16 colours has VOC's colour of 7 at index 8. VOC's palette
 * with red and blue swapped for all labels does not count as another order.
 *
 * @param used the indices in use, ascending
 * @returns the first index with the colour of another label, and that label; `undefined` if the indices are the labels
 */
export function findReordered(used: readonly number[], palette: Uint8Array): { readonly index: number; readonly label: number } | undefined {
  const meanings = paletteMeanings(palette);
  const misplaced = misplacedOf(used, meanings);
  if (misplaced.length === 0 || isSwapped(palette)) return undefined;
  const foreign = used.filter((index) => index < meanings.length && meanings[index] === undefined).length;
  if (foreign >= misplaced.length || (misplaced.length === 1 && hasOtherColours(palette))) return undefined;
  return { index: misplaced[0], label: meanings[misplaced[0]] as number };
}

/** The indices with the VOC colour of another label, except black. */
export function misplacedOf(used: readonly number[], meanings: readonly ColourMeaning[]): number[] {
  return used.filter((index) => {
    const meaning = meanings[index];
    return typeof meaning === 'number' && meaning !== 0 && meaning !== index;
  });
}

/** Whether a palette has colours that VOC's does not have. Grays do not count: palettes are padded with them. */
function hasOtherColours(palette: Uint8Array): boolean {
  for (let i = 0; i < palette.length; i += 3) {
    const [red, green, blue] = palette.subarray(i, i + 3);
    if ((red !== green || green !== blue) && vocLabelOfColour(red, green, blue) === undefined) return true;
  }
  return false;
}

/** Whether a palette has the colours of all labels with red and blue swapped. */
function isSwapped(palette: Uint8Array): boolean {
  if (palette.length <= 3 * VOC_CLASSES.length) return false;
  for (let i = 0; i < 3 * (VOC_CLASSES.length + 1); i += 3) {
    if (palette[i] !== VOC_PALETTE[i + 2] || palette[i + 1] !== VOC_PALETTE[i + 1] || palette[i + 2] !== VOC_PALETTE[i]) return false;
  }
  return true;
}
