/**
 * The VOC colour map by the devkit's rule: bits 0, 1, 2 of the index become the highest bit of red, green, blue,
 * bits 3, 4, 5 the next one, bits 6, 7 the third of red and green. Every index has its own colour.
 *
 * @returns 256 colours as R, G, B bytes, 768 in all
 */
function buildPalette(): Uint8Array {
  const palette = new Uint8Array(256 * 3);
  for (let index = 0; index < 256; index++) {
    for (let bit = 0; bit < 8; bit++) {
      if ((index >> bit & 1) === 1) palette[index * 3 + bit % 3] |= 0x80 >> Math.floor(bit / 3);
    }
  }
  return palette;
}

/** The 256 colours of the VOC devkit as R, G, B bytes (768): 0 black, 1 (128, 0, 0), ... 255 (224, 224, 192). */
export const VOC_PALETTE: Readonly<Uint8Array> = buildPalette();
