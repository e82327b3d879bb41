/** How a small grid of cells is mapped to the pixels of a photograph. */
export interface InterpolationOptions {
  /** `nearest` uses half-pixel centres (PyTorch's `nearest-exact`), so that both kinds map cells to the same pixels. */
  readonly upsample: 'bilinear' | 'nearest';
  /** Align corner pixels with corner cells instead of using half-pixel centres. */
  readonly alignCorners: boolean;
}

/** For every pixel along one axis: the two cells around it, and the share of the second. */
export interface Interpolation {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly share: Float32Array;
}

/** The interpolation of `pixels` pixels from `cells` cells along one axis. */
export function interpolation(pixels: number, cells: number, { upsample, alignCorners }: InterpolationOptions): Interpolation {
  const first = new Int32Array(pixels);
  const second = new Int32Array(pixels);
  const share = new Float32Array(pixels);
  for (let i = 0; i < pixels; i++) {
    const centre = alignCorners ? (pixels === 1 ? 0 : (i * (cells - 1)) / (pixels - 1)) : ((i + 0.5) * cells) / pixels - 0.5;
    const at = Math.min(Math.max(centre, 0), cells - 1);
    const low = upsample === 'nearest' ? Math.min(Math.floor(alignCorners ? at + 0.5 : ((i + 0.5) * cells) / pixels), cells - 1) : Math.floor(at);
    first[i] = low;
    second[i] = Math.min(low + 1, cells - 1);
    share[i] = upsample === 'nearest' ? 0 : at - low;
  }
  return { first, second, share };
}

/** Groups pixels between the same two cells: group i starts at `starts[i]` and ends before `starts[i + 1]`. */
export function segments({ first }: Interpolation): Int32Array {
  const starts: number[] = [];
  first.forEach((cell, x) => { if (x === 0 || cell !== first[x - 1]) starts.push(x); });
  return Int32Array.from([...starts, first.length]);
}
