import type { Sharp } from 'sharp';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { jpegSize } from '../../src/image/jpeg-header.js';

function picture(channels: 1 | 3): Sharp {
  return sharp(new Uint8Array(37 * 21 * channels).fill(90), { raw: { width: 37, height: 21, channels } });
}

describe('jpegSize', () => {
  it.each([
    ['baseline', picture(3).jpeg()],
    ['progressive', picture(3).jpeg({ progressive: true })],
    ['gray', picture(1).toColourspace('b-w').jpeg()],
    ['with metadata before the frame', picture(3).withExif({ IFD0: { Copyright: 'nobody' } }).jpeg()],
  ])('is what the file was made with: %s', async (_, made) => {
    expect(jpegSize(await made.toBuffer())).toEqual([21, 37]);
  });

  it('is left to others for CMYK and for other formats', async () => {
    expect(jpegSize(await picture(3).toColourspace('cmyk').jpeg().toBuffer())).toBeUndefined();
    expect(jpegSize(await picture(3).png().toBuffer())).toBeUndefined();
    expect(jpegSize(new Uint8Array())).toBeUndefined();
  });

  it('skips fill bytes and segments, by ITU T.81, and refuses what is cut off or strange', () => {
    // Start; fill byte; a comment of two bytes; frame of 8 bits, 5 x 260, one component.
    const header = [0xff, 0xd8, 0xff, 0xff, 0xfe, 0, 4, 0xff, 0xc0, 0xff, 0xc2, 0, 11, 8, 0, 5, 1, 4, 1, 1, 0x11, 0];
    expect(jpegSize(Uint8Array.from(header))).toEqual([5, 260]);
    expect(jpegSize(Uint8Array.from(header.slice(0, 15)))).toBeUndefined();
    // 12 bits; a height that comes later; lossless; pixels before the frame.
    for (const [at, value] of [[13, 12], [15, 0], [10, 0xc3], [4, 0xda]]) {
      expect(jpegSize(Uint8Array.from(header, (byte, i) => (i === at ? value : byte)))).toBeUndefined();
    }
  });
});
