/** One vector per class at a layer. */
export interface ClassVectors {
  /** [classes, channels], in the order of the logits; a class without prototypes has zeros. */
  readonly data: Float32Array;
  readonly channels: number;
}

/** What maps need of the prototypes of a classifier; see `withPrototypes`. */
export interface Prototypes {
  /** The file that they came from, and its SHA-256. */
  readonly path: string;
  readonly hash: string;
  /** By the tensor names of layers. */
  readonly layers: ReadonlyMap<string, ClassVectors>;
  /** The names of the classes without prototypes, by the index of their logit. */
  readonly missing: ReadonlyMap<number, string>;
}

/** The centres of all classes at a layer. */
export interface LayerCentres {
  /** [n, channels], each of length 1 (or means of such, see {@link mergedCentres}); those of a class follow one another, in the order of logits. */
  readonly centres: Float32Array;
  readonly channels: number;
  /** Of each centre: the logit of its class, how many positions belong to it, and the mean of the class's map at them. */
  readonly logits: Int32Array;
  readonly members: Int32Array;
  readonly scores: Float32Array;
  /** Of each centre: 1 if it shows the class, 0 if it shows its surroundings. */
  readonly positive: Uint8Array;
}

/**
 * Which centres of a class show the class itself: those with at least `share` of the best score.
 *
 * @param scores the mean of the class's map over the members of each centre
 */
export function positiveCentres(scores: ArrayLike<number>, share: number): Uint8Array {
  const best = Array.from(scores).reduce((most, score) => Math.max(most, score), 0);
  return Uint8Array.from(scores, (score) => (score >= share * best ? 1 : 0));
}

/**
 * The vector of each class: the mean of its positive centres minus the mean of the others. The cosine similarities of a feature to
 * all centres, averaged and subtracted in the same way, are the product of this vector and the feature divided by its length.
 *
 * @param classes the number of logits
 */
export function classVectors({ centres, channels, logits, positive }: LayerCentres, classes: number): ClassVectors {
  const sums = new Float64Array(classes * channels);
  const counts = [new Int32Array(classes), new Int32Array(classes)];
  logits.forEach((logit, i) => { counts[positive[i]][logit]++; });
  logits.forEach((logit, i) => {
    const factor = (positive[i] === 1 ? 1 : -1) / counts[positive[i]][logit];
    for (let k = 0; k < channels; k++) sums[logit * channels + k] += factor * centres[i * channels + k];
  });
  return { data: Float32Array.from(sums), channels };
}

/**
 * The mean of the positive centres and the mean of the others of each class, in place of all centres. They give the same
 * {@link classVectors}.
 */
export function mergedCentres({ centres, channels, logits, members, scores, positive }: LayerCentres): LayerCentres {
  const groups = new Map<string, number[]>();
  logits.forEach((logit, i) => {
    const key = `${logit} ${positive[i]}`;
    groups.set(key, [...groups.get(key) ?? [], i]);
  });
  const all = [...groups.values()];
  const merged = new Float32Array(all.length * channels);
  all.forEach((group, g) => {
    for (let k = 0; k < channels; k++) merged[g * channels + k] = group.reduce((sum, i) => sum + centres[i * channels + k], 0) / group.length;
  });
  const membersOf = (group: readonly number[]): number => group.reduce((sum, i) => sum + members[i], 0);
  return {
    centres: merged, channels, logits: Int32Array.from(all, ([first]) => logits[first]), members: Int32Array.from(all, membersOf),
    scores: Float32Array.from(all, (group) => group.reduce((sum, i) => sum + members[i] * scores[i], 0) / membersOf(group)),
    positive: Uint8Array.from(all, ([first]) => positive[first]),
  };
}
