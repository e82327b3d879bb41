import { IGNORE_LABEL } from './label-map.js';
import { VOC_PALETTE, vocLabelOfColour } from './palette.js';
import { VOC_CLASSES } from './classes.js';

// Tools that re-compress palette PNGs (ImageMagick, Pillow's quantize, sharp, pngquant) keep the colours and number them anew.
// Read by index, such a mask holds other labels than it shows. A palette that is merely another one (gray, random, Cityscapes')
// says nothing about the labels.

/** What a colour of a palette says: the label whose VOC colour it is, `white` (often void), or nothing. */
export type ColourMeaning = number | 'white' | undefined;

/** The meaning of a colour; only labels that a mask can hold (0..20 and 255) count. */
export function colourMeaning(red: number, green: number, blue: number): ColourMeaning {
  if (red === 255 && green === 255 && blue === 255) return 'white';
  const label = vocLabelOfColour(red, green, blue);
  return label === undefined || (label > VOC_CLASSES.length && label !== IGNORE_LABEL) ? undefined : label;
}

/** The meanings of a palette's colours, in their order. */
export function paletteMeanings(palette: Uint8Array): ColourMeaning[] {
  return Array.from({ length: palette.length / 3 }, (_, i) => colourMeaning(palette[3 * i], palette[3 * i + 1], palette[3 * i + 2]));
}

/** Whether a palette is VOC's own, or the beginning of it. */
export function isVocPalette(palette: Uint8Array): boolean {
  return Buffer.compare(palette, VOC_PALETTE.subarray(0, palette.length)) === 0;
}

/**
 * Finds out whether a palette is VOC's in another order.
 *
 * An index in use is evidence for that if it is painted in the VOC colour of another label, black aside (every palette has it
 * somewhere), and evidence against it if its colour is neither of VOC's labels nor white (many paint void white). There must be more evidence
 * for it than against it. One colour alone may be chance: then colours that are not in use count against it as well,
 * since a tool that numbers colours anew keeps those in use only. Windows' palette of 16 colours is such a case: it paints 8
 * in VOC's colour of 7. So is VOC's palette as B, G, R: with its red and blue swapped for all of the labels it is no other order.
 *
 * @param used the indices in use, ascending
 * @returns the first index that is painted in the colour of another label, and that label; `undefined` if the indices are the labels
 */
export function findReordered(used: readonly number[], palette: Uint8Array): { readonly index: number; readonly label: number } | undefined {
  const meanings = paletteMeanings(palette);
  const misplaced = misplacedOf(used, meanings);
  if (misplaced.length === 0 || isSwapped(palette)) return undefined;
  const foreign = used.filter((index) => index < meanings.length && meanings[index] === undefined).length;
  if (foreign >= misplaced.length || (misplaced.length === 1 && hasOtherColours(palette))) return undefined;
  return { index: misplaced[0], label: meanings[misplaced[0]] as number };
}

/** The indices that are painted in the VOC colour of another label, black aside. */
export function misplacedOf(used: readonly number[], meanings: readonly ColourMeaning[]): number[] {
  return used.filter((index) => {
    const meaning = meanings[index];
    return typeof meaning === 'number' && meaning !== 0 && meaning !== index;
  });
}

/** Whether a palette holds colours that VOC's does not. Grays do not count: they fill up palettes. */
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
