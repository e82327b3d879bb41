/**
 * The area under a curve of equally spaced points over 0..1, by the trapezoid rule.
 *
 * @param values at least two
 */
export function areaUnderCurve(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  return (sum - values[0] / 2 - values[values.length - 1] / 2) / (values.length - 1);
}

/**
 * The mean of curves of equally spaced points over 0..1. It has as many points as the longest of them; those with fewer are interpolated.
 *
 * @param curves at least one, each of at least two values
 */
export function meanCurve(curves: readonly (readonly number[])[]): number[] {
  const last = Math.max(...curves.map(({ length }) => length)) - 1;
  return Array.from({ length: last + 1 }, (_, i) => curves.reduce((sum, curve) => sum + valueAt(curve, i / last), 0) / curves.length);
}

function valueAt(curve: readonly number[], share: number): number {
  const position = share * (curve.length - 1);
  const before = Math.floor(position);
  const rest = position - before;
  return rest === 0 ? curve[before] : (1 - rest) * curve[before] + rest * curve[before + 1];
}

/**
 * The number of pixels to change in each step so that all are changed after at most `steps` steps, as in RISE.
 *
 * @param area the number of pixels
 */
export function pixelsPerStep(area: number, steps: number): number {
  return Math.ceil(area / steps);
}

/**
 * The part of its confidence that a class loses, 0..1: max(0, before - after) / before; 0 if there was none. Its mean over
 * photographs is the average drop of Chattopadhyay et al., Grad-CAM++, WACV 2018.
 */
export function confidenceDrop(before: number, after: number): number {
  return before > 0 ? Math.max(0, before - after) / before : 0;
}
