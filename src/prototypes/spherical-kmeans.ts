/** Points of length 1, [count, channels]. */
export interface Points {
  readonly data: Float32Array;
  readonly channels: number;
  readonly count: number;
}

/** Matrix products with all points. */
export interface Products {
  /** The cosine similarities to K centres of length 1, [K, channels] -> [count, K]. */
  similarities(centres: Float32Array): Promise<Float32Array>;
  /** The sum of the points of each of k centres, [k, channels]; `owners` is the index of each point's centre. */
  sums(owners: Int32Array, k: number): Promise<Float64Array>;
}

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
  { data, channels, count }: Points, k: number, random: () => number, products: Pick<Products, 'similarities'>,
): Promise<Float32Array> {
  const pointAt = (i: number): Float32Array => data.subarray(i * channels, (i + 1) * channels);
  const distances = new Float64Array(count).fill(Infinity);
  const chosen = [Math.min(Math.floor(random() * count), count - 1)];
  while (chosen.length < k) {
    const near = await products.similarities(pointAt(chosen[chosen.length - 1]));
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

/** Lloyd's algorithm ends if not more than this share of the points changes its centre. */
const SETTLED = 0.001;

/**
 * Spherical k-means by Lloyd's algorithm: each point belongs to the most similar centre, the first of equal ones; each centre is the sum
 * of its points, divided by its length. A centre without points stays where it is.
 *
 * I. S. Dhillon, D. S. Modha: Concept Decompositions for Large Sparse Text Data Using Clustering, Machine Learning 42, 2001.
 *
 * @param start [K, channels]
 * @param steps the most steps; it ends earlier if almost no point changes its centre
 */
export async function sphericalKMeans({ channels, count }: Points, start: Float32Array, steps: number, products: Products): Promise<Clusters> {
  let centres = start;
  let owners = nearest(await products.similarities(centres), count);
  for (let step = 0; step < steps; step++) {
    centres = directions(await products.sums(owners, centres.length / channels), channels, centres);
    const next = nearest(await products.similarities(centres), count);
    const changed = next.reduce((sum, owner, i) => (owner === owners[i] ? sum : sum + 1), 0);
    owners = next;
    if (changed <= SETTLED * count) break;
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

/** Rows divided by their lengths; a row of zeros stays what it was before. */
function directions(rows: Float64Array, channels: number, before: Float32Array): Float32Array {
  const unit = new Float32Array(before);
  for (let start = 0; start < rows.length; start += channels) {
    let squares = 0;
    for (let k = start; k < start + channels; k++) squares += rows[k] ** 2;
    if (squares > 0) for (let k = start; k < start + channels; k++) unit[k] = rows[k] / Math.sqrt(squares);
  }
  return unit;
}
