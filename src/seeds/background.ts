import type { MapRows } from '../maps/map-rows.js';

/** What is background. */
export type BackgroundPolicy
  /** One threshold for every image and class. */
  = | { readonly kind: 'constant'; readonly threshold: number }
  /** A background map, `(1 - max_c M_c)^alpha` (PSA, Ahn and Kwak, CVPR 2018, equation 2), that competes with the classes. */
    | { readonly kind: 'power'; readonly alpha: number }
  /** A fixed share of each image's pixels, in percent. */
    | { readonly kind: 'percentile'; readonly percent: number }
  /** The threshold that best separates the strongest map of each image (Otsu, 1979). */
    | { readonly kind: 'otsu' }
  /** A threshold for each class, by VOC index, and one for the other classes. */
    | { readonly kind: 'per-class'; readonly thresholds: Readonly<Record<number, number>>; readonly otherwise: number };

/**
 * The thresholds of a policy for one image: a pixel is foreground if its strongest map exceeds the threshold of that class.
 *
 * @param maps 0..1
 * @param labels the VOC index of each map's class
 * @returns [K], one per map
 */
export function thresholdsOf(policy: BackgroundPolicy, maps: MapRows, labels: readonly number[]): number[] {
  switch (policy.kind) {
    case 'constant': return labels.map(() => policy.threshold);
    case 'power': return labels.map(() => powerThreshold(policy.alpha));
    case 'percentile': return labels.map(() => percentileOf(strengths(maps), policy.percent));
    case 'otsu': return labels.map(() => otsuThreshold(strengths(maps)));
    case 'per-class': return labels.map((label) => policy.thresholds[label] ?? policy.otherwise);
  }
}

/**
 * The value above which a map m exceeds the background map `(1 - m)^alpha`. The threshold and the background map give the same
 * seeds, except if the background map was refined together with the others.
 *
 * @param alpha above 0
 * @returns the solution of t = (1 - t)^alpha, 0..1
 */
export function powerThreshold(alpha: number): number {
  let low = 0;
  let high = 1;
  // 52 halvings give the full precision of a double.
  for (let i = 0; i < 52; i++) {
    const middle = (low + high) / 2;
    if (middle < (1 - middle) ** alpha) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Bins of the histograms for percentiles and Otsu's threshold. */
const BINS = 1024;

/** The number of pixels whose strongest map is in (i / BINS, (i + 1) / BINS]; bin 0 includes 0. */
export function strengths(maps: MapRows): Uint32Array {
  const counts = new Uint32Array(BINS);
  const best = new Float32Array(maps.width);
  for (let y = 0; y < maps.height; y++) {
    best.set(maps.row(0, y));
    for (let k = 1; k < maps.classCount; k++) {
      const row = maps.row(k, y);
      for (let x = 0; x < best.length; x++) if (row[x] > best[x]) best[x] = row[x];
    }
    for (let x = 0; x < best.length; x++) counts[Math.min(Math.max(Math.ceil(best[x] * BINS) - 1, 0), BINS - 1)]++;
  }
  return counts;
}

/** The upper bound of the first bin up to which there are at least `percent` of the pixels. */
export function percentileOf(counts: Uint32Array, percent: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let below = 0;
  const bin = counts.findIndex((count) => (below += count) >= (percent / 100) * total);
  return ((bin < 0 ? counts.length - 1 : bin) + 1) / counts.length;
}

/** The bound between bins with the largest variance between the two sides (Otsu, 1979, equation 18). */
export function otsuThreshold(counts: Uint32Array): number {
  let total = 0;
  let moment = 0;
  counts.forEach((count, i) => {
    total += count;
    moment += i * count;
  });
  let below = 0;
  let belowMoment = 0;
  let best = -1;
  let bound = 0;
  counts.forEach((count, i) => {
    below += count;
    belowMoment += i * count;
    if (below === 0 || below === total) return;
    const variance = (moment * below - belowMoment * total) ** 2 / (below * (total - below));
    if (variance > best) {
      best = variance;
      bound = i + 1;
    }
  });
  return bound / counts.length;
}
