/** Points of length 1, [count, channels]. */
export interface Points {
  readonly data: Float32Array;
  readonly channels: number;
  readonly count: number;
}

/** The cosine similarities of all points to K centres of length 1, [K, channels] -> [count, K]. */
export type Similarities = (centres: Float32Array) => Promise<Float32Array>;

/** Clusters of points. */
export interface Clusters {
  /** [K, channels], each of length 1 */
  readonly centres: Float32Array;
  /** The index of each point's centre, [count] */
  readonly owners: Int32Array;
}

/**
 * Start centres by k-means++: the first is a random point, and each other one is drawn with a chance that grows with the squared distance
 * to the nearest centre so far, which is 2 - 2 cos for points of length 1.
 *
 * D. Arthur, S. Vassilvitskii: k-means++: The Advantages of Careful Seeding, SODA 2007.
 *
 * @param k the number of centres; if there are not so many different points, as many as there are
 * @returns [K, channels]
 */
export async function startCentres(
  { data, channels, count }: Points, k: number, random: () => number, similarities: Similarities,
): Promise<Float32Array> {
  const pointAt = (i: number): Float32Array => data.subarray(i * channels, (i + 1) * channels);
  const distances = new Float64Array(count).fill(Infinity);
  const chosen = [Math.min(Math.floor(random() * count), count - 1)];
  while (chosen.length < k) {
    const near = await similarities(pointAt(chosen[chosen.length - 1]));
    let total = 0;
    for (let i = 0; i < count; i++) {
      // Rounding gives equal points a tiny distance.
      const distance = 1 - near[i] > SAME ? 1 - near[i] : 0;
      distances[i] = Math.min(distances[i], distance);
      total += distances[i];
    }
    if (total === 0) break;
    chosen.push(drawn(distances, random() * total));
  }
  const centres = new Float32Array(chosen.length * channels);
  chosen.forEach((point, c) => { centres.set(pointAt(point), c * channels); });
  return centres;
}

const SAME = 1e-6;

/** The first index at which the sum of the weights exceeds `at`. */
function drawn(weights: Float64Array, at: number): number {
  let sum = 0;
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    sum += weights[i];
    last = i;
    if (sum > at) return i;
  }
  return last;
}

/**
 * Spherical k-means by Lloyd's algorithm: each point belongs to the most similar centre, the first of equal ones; each centre is the sum
 * of its points, divided by its length. A centre without points stays where it is.
 *
 * I. S. Dhillon, D. S. Modha: Concept Decompositions for Large Sparse Text Data Using Clustering, Machine Learning 42, 2001.
 *
 * @param start [K, channels]
 * @param steps the most steps; it ends earlier if no point changes its centre
 */
export async function sphericalKMeans(points: Points, start: Float32Array, steps: number, similarities: Similarities): Promise<Clusters> {
  let centres = start;
  let owners = nearest(await similarities(centres), points.count);
  for (let step = 0; step < steps; step++) {
    centres = meansOf(points, owners, centres);
    const next = nearest(await similarities(centres), points.count);
    const same = next.every((owner, i) => owner === owners[i]);
    owners = next;
    if (same) break;
  }
  return { centres, owners };
}

function nearest(similarities: Float32Array, count: number): Int32Array {
  const k = similarities.length / count;
  const owners = new Int32Array(count);
  for (let i = 0, row = 0; i < count; i++, row += k) {
    let best = 0;
    for (let c = 1; c < k; c++) if (similarities[row + c] > similarities[row + best]) best = c;
    owners[i] = best;
  }
  return owners;
}

function meansOf({ data, channels, count }: Points, owners: Int32Array, before: Float32Array): Float32Array {
  const sums = new Float64Array(before.length);
  for (let i = 0; i < count; i++) {
    const [from, to] = [i * channels, owners[i] * channels];
    for (let k = 0; k < channels; k++) sums[to + k] += data[from + k];
  }
  const centres = new Float32Array(before);
  for (let c = 0; c < before.length; c += channels) {
    let squares = 0;
    for (let k = c; k < c + channels; k++) squares += sums[k] ** 2;
    if (squares > 0) for (let k = c; k < c + channels; k++) centres[k] = sums[k] / Math.sqrt(squares);
  }
  return centres;
}
