/** One change of colour. */
export interface Adjustment {
  readonly kind: 'brightness' | 'contrast' | 'saturation';
  /** 1 leaves the picture as it is; 0 makes it black, or one gray all over, or gray in every pixel; above 1 is more of it. */
  readonly factor: number;
}

/**
 * Changes brightness, contrast and saturation, one after another in the order given, by the formulas of torchvision's
 * `ColorJitter`: with gray = 0.2989 R + 0.587 G + 0.114 B, and clamped to 0..255 after each,
 *
 *     brightness   factor * v
 *     contrast     factor * v + (1 - factor) * (mean of gray over the picture)
 *     saturation   factor * v + (1 - factor) * gray
 *
 * Values are rounded to the nearest whole number after a change of saturation and at the end, and nowhere else
 * (torchvision rounds after each step, or never, by the type of the image).
 *
 * @param pixels RGB, HWC, 0..255
 * @returns RGB, HWC, 0..255; `pixels` itself where there is nothing to change
 */
export function jitter(pixels: Uint8Array, adjustments: readonly Adjustment[]): Uint8Array {
  // The picture is `bytes`, each read through `table`: a change that treats all values alike touches the table alone.
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
  // Storing in this view rounds and clamps, faster than code that does.
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
