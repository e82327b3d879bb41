/**
 * The background map `(1 - max_c M_c)^alpha` of PSA.
 *
 * @param maps [K, area], 0..1
 * @returns [area], 0..1
 */
export function powerBackground(maps: Float32Array, area: number, alpha: number): Float32Array {
  const background = new Float32Array(area);
  for (let i = 0; i < area; i++) {
    let best = 0;
    for (let at = i; at < maps.length; at += area) if (maps[at] > best) best = maps[at];
    background[i] = (1 - Math.min(best, 1)) ** alpha;
  }
  return background;
}
