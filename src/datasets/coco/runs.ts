import { UserError } from '../../errors.js';

/**
 * A binary mask as COCO stores it: the lengths of alternating runs of zeros and ones, column by column from the top left, beginning with
 * zeros. They add up to height * width.
 */
export type Runs = ArrayLike<number>;

/**
 * The runs in COCO's compressed text: each number in groups of 5 bits from the lowest, one character (48 + bits, + 32 if more follow) per
 * group; from the third one on, the difference to the number two before.
 *
 * @throws UserError for other characters, and for a text that ends within a number or has a negative run
 */
export function runsOfText(text: string): number[] {
  const runs: number[] = [];
  for (let at = 0; at < text.length;) {
    let value = 0;
    let shift = 0;
    for (let more = true; more;) {
      const bits = text.charCodeAt(at++) - 48;
      if (!(bits >= 0 && bits < 64)) throw new UserError(at > text.length ? 'its run-length code ends within a number' : `its run-length code has the character '${text[at - 1]}'`);
      if (shift > 25) throw new UserError('its run-length code has a number that is too large');
      value |= (bits & 31) << shift;
      shift += 5;
      more = (bits & 32) !== 0;
      // The highest bit of the last group is the sign.
      if (!more && (bits & 16) !== 0) value |= -1 << shift;
    }
    if (runs.length > 2) value += runs[runs.length - 2];
    if (value < 0) throw new UserError('its run-length code has a negative run');
    runs.push(value);
  }
  return runs;
}

/**
 * Checks that runs cover an image.
 *
 * @throws UserError if they are not whole numbers from 0 up, or have another sum
 */
export function requireCover(runs: Runs, height: number, width: number): void {
  let sum = 0;
  for (let i = 0; i < runs.length; i++) {
    if (!Number.isInteger(runs[i]) || runs[i] < 0) throw new UserError(`its run-length code has the run ${runs[i]}`, 'runs are whole numbers from 0 up');
    sum += runs[i];
  }
  if (sum !== height * width) throw new UserError(`its run-length code covers ${sum} pixels, but ${height} x ${width} (height x width) is ${height * width}`);
}

/**
 * Calls `visit` for each pixel of the ones.
 *
 * @param visit gets the pixel's place in an image [height, width] row by row
 */
export function visitOnes(runs: Runs, height: number, width: number, visit: (pixel: number) => void): void {
  let position = 0;
  for (let i = 0; i < runs.length; i++) {
    const end = position + runs[i];
    if (i % 2 === 1) {
      let y = position % height;
      let pixel = y * width + (position - y) / height;
      for (; position < end; position++) {
        visit(pixel);
        if (++y === height) {
          y = 0;
          pixel += 1 - (height - 1) * width;
        } else pixel += width;
      }
    }
    position = end;
  }
}
