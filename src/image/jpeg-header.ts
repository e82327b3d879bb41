import type { Size } from '../size.js';

/**
 * The size of a gray or colour JPEG, [height, width], from its frame header, without decoding anything. `undefined` for all other bytes,
 * CMYK and damaged headers included: a library that knows them must say what they are.
 */
export function jpegSize(bytes: Uint8Array): Size | undefined {
  if (bytes[0] !== MARK || bytes[1] !== START) return undefined;
  const two = (at: number): number => bytes[at] * 256 + bytes[at + 1];
  for (let at = 2; at + 3 < bytes.length && bytes[at] === MARK;) {
    const marker = bytes[at + 1];
    if (marker === MARK) at++;
    else if (!isFrame(marker)) {
      if (marker < FIRST_WITH_LENGTH || marker === SCAN || isRestart(marker)) return undefined;
      at += 2 + two(at + 2);
    } else {
      const [precision, height, width, components] = [bytes[at + 4], two(at + 5), two(at + 7), bytes[at + 9]];
      return precision === 8 && height > 0 && width > 0 && (components === 1 || components === 3) ? [height, width] : undefined;
    }
  }
  return undefined;
}

// Markers, by ITU T.81, table B.1.
const MARK = 0xff;
const START = 0xd8;
const SCAN = 0xda;
const FIRST_WITH_LENGTH = 0xc0;

/** Of baseline, extended or progressive frames with Huffman coding, which every decoder knows. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xc2;
}

/** Restarts, start and end of an image, which have no length. */
function isRestart(marker: number): boolean {
  return marker >= 0xd0 && marker <= 0xd9;
}
