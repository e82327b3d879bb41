/** Numbers that are the same in every run: a linear congruential generator, uniform in [0, 1). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Uniform in [-scale, scale). */
export function noise(count: number, seed: number, scale = 1): Float32Array {
  const next = uniform(seed);
  return Float32Array.from({ length: count }, () => scale * (2 * next() - 1));
}

/**
 * The numbers (i - count / 2 + 1 / 2) * spacing, shuffled: no two are nearer to each other than `spacing`, and none is nearer
 * to a multiple of `spacing` than half of it (for an even count).
 */
export function spreadOut(count: number, spacing: number, seed: number): Float32Array {
  const next = uniform(seed);
  const values = Float32Array.from({ length: count }, (_, i) => (i - count / 2 + 0.5) * spacing);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [values[i], values[j]] = [values[j], values[i]];
  }
  return values;
}
