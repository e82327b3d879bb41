/** The linear light of each 8-bit sRGB value (IEC 61966-2-1). */
const LINEAR = Float64Array.from({ length: 256 }, (_, i) => (i / 255 <= 0.04045 ? i / 255 / 12.92 : ((i / 255 + 0.055) / 1.055) ** 2.4));

/** CIE's f: a cube root, linear near 0. */
function companded(t: number): number {
  return t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29;
}

/**
 * CIELAB colours of an sRGB picture, under D65 (2 degrees).
 *
 * @param image RGB, [area, 3]
 * @returns [area, 3]: L 0..100, a and b about -100..100
 */
export function toCielab(image: Uint8Array): Float32Array {
  const lab = new Float32Array(image.length);
  for (let i = 0; i < image.length; i += 3) {
    const r = LINEAR[image[i]];
    const g = LINEAR[image[i + 1]];
    const b = LINEAR[image[i + 2]];
    const x = companded((0.412453 * r + 0.35758 * g + 0.180423 * b) / 0.95047);
    const y = companded(0.212671 * r + 0.71516 * g + 0.072169 * b);
    const z = companded((0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.08883);
    lab[i] = 116 * y - 16;
    lab[i + 1] = 500 * (x - y);
    lab[i + 2] = 200 * (y - z);
  }
  return lab;
}
