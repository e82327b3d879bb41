/**
 * Converts CMYK to RGB with exactly the same result as Pillow's `convert('RGB')`: R = (255 - K) - C (255 - K) / 255, rounded,
 * and so on. Colour profiles are ignored.
 *
 * @param samples pixels of `channels` samples, the first four C, M, Y, K: 0 no ink, 255 full
 * @returns RGB, HWC, 0..255
 */
export function cmykToRgb(samples: Uint8Array, channels = 4): Uint8Array {
  const pixels = samples.length / channels;
  const rgb = new Uint8Array(3 * pixels);
  for (let pixel = 0, from = 0, to = 0; pixel < pixels; pixel++, from += channels, to += 3) {
    const light = 255 - samples[from + 3];
    for (let c = 0; c < 3; c++) rgb[to + c] = light - divideBy255(samples[from + c] * light);
  }
  return rgb;
}

/** x / 255, rounded, for the product of two bytes. */
function divideBy255(x: number): number {
  const sum = x + 128;
  return ((sum >> 8) + sum) >> 8;
}
