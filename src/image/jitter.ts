/** One colour change. */
export interface Adjustment {
  readonly kind: 'brightness' | 'contrast' | 'saturation';
  /** 1 changes nothing. 0 removes brightness (black), contrast (one gray) or saturation (grayscale). Above 1 increases it. */
  readonly factor: number;
}

/**
 * Changes brightness, contrast and saturation in the given order, by the formulas of torchvision's `ColorJitter`: with
 * gray = 0.2989 R + 0.587 G + 0.114 B, and clamped to 0..255 after each step,
 *
 *     brightness   factor * v
 *     contrast     factor * v + (1 - factor) * (mean of gray over the picture)
 *     saturation   factor * v + (1 - factor) * gray
 *
 * Values are rounded to the nearest whole number only after a change of saturation and at the end (torchvision rounds after
 * each step or never, depending on the image type).
 *
 * @param pixels RGB, HWC, 0..255
 * @returns RGB, HWC, 0..255; `pixels` itself if there is nothing to change
 */
export function jitter(pixels: Uint8Array, adjustments: readonly Adjustment[]): Uint8Array {
  // The picture is `bytes`, each looked up in `table`. A change that is the same for all pixels only changes the table.
  let bytes = pixels;
  let table: Float32Array | undefined;
  for (const { kind, factor } of adjustments) {
    table ??= Float32Array.from({ length: 256 }, (_, value) => value);
    if (kind === 'saturation') {
      bytes = saturated(bytes, table, factor);
      table = undefined;
    } else {
      const towards = kind === 'contrast' ? (1 - factor) * meanGray(bytes, table) : 0;
      table = table.map((value) => Math.min(255, Math.max(0, factor * value + towards)));
    }
  }
  if (table === undefined) return bytes;
  const rounded = Uint8Array.from(table, Math.round);
  const result = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) result[i] = rounded[bytes[i]];
  return result;
}

function saturated(bytes: Uint8Array, table: Float32Array, factor: number): Uint8Array {
  const result = new Uint8Array(bytes.length);
  // Storing in this view rounds and clamps, faster than our own code would.
  const clamped = new Uint8ClampedArray(result.buffer);
  const rest = 1 - factor;
  for (let i = 0; i < bytes.length; i += 3) {
    const r = table[bytes[i]];
    const g = table[bytes[i + 1]];
    const b = table[bytes[i + 2]];
    const gray = rest * (0.2989 * r + 0.587 * g + 0.114 * b);
    clamped[i] = factor * r + gray;
    clamped[i + 1] = factor * g + gray;
    clamped[i + 2] = factor * b + gray;
  }
  return result;
}

function meanGray(bytes: Uint8Array, table: Float32Array): number {
  let [r, g, b] = [0, 0, 0];
  for (let i = 0; i < bytes.length; i += 3) {
    r += table[bytes[i]];
    g += table[bytes[i + 1]];
    b += table[bytes[i + 2]];
  }
  return (0.2989 * r + 0.587 * g + 0.114 * b) / (bytes.length / 3);
}
