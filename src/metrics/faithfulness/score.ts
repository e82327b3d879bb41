/** What a classifier says about one class. */
export interface ClassScore {
  /** Its probability by softmax, 0..1. */
  readonly confidence: number;
  /** How many classes have a larger logit; of equal ones, the first counts as larger. 0: it is the first choice. */
  readonly rank: number;
}

/**
 * The confidence and the rank of a class.
 *
 * @param logits [classes]
 * @param index of the class
 * @throws RangeError if a logit is not a number, or the class has none
 */
export function classScore(logits: Float32Array, index: number): ClassScore {
  const own = logits[index];
  let largest = -Infinity;
  let rank = 0;
  for (let i = 0; i < logits.length; i++) {
    const value = logits[i];
    if (Number.isNaN(value)) throw new RangeError(`logit ${i} is NaN`);
    if (value > largest) largest = value;
    if (value > own || (value === own && i < index)) rank++;
  }
  if (own === undefined) throw new RangeError(`there is no logit ${index}`);
  if (!Number.isFinite(largest)) throw new RangeError('the logits are not finite');
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - largest);
  return { confidence: Math.exp(own - largest) / sum, rank };
}

/** 1 if the class is among the `count` first choices, otherwise 0. */
export function isAmong(count: number, { rank }: ClassScore): number {
  return rank < count ? 1 : 0;
}
