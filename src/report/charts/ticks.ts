/** Round positions on an axis: multiples of 1, 2 or 5 times a power of ten. */
export interface Ticks {
  readonly step: number;
  /** Ascending, all within the axis. */
  readonly values: readonly number[];
  /** The values as text, with as many decimals as the step has. */
  readonly labels: readonly string[];
}

/** Tolerance for rounding errors, which must not add or remove a tick. */
const EPSILON = 1e-9;

/**
 * The ticks of an axis from `min` to `max` (min < max).
 *
 * @param count the largest number of steps on the axis, at least 1
 * @param whole only at whole numbers
 */
export function niceTicks(min: number, max: number, count: number, whole = false): Ticks {
  const rough = Math.max((max - min) / count, whole ? 1 : 0);
  let exponent = Math.floor(Math.log10(rough));
  const leading = rough / 10 ** exponent;
  let mantissa = [1, 2, 5].find((candidate) => leading <= candidate * (1 + EPSILON));
  if (mantissa === undefined) [mantissa, exponent] = [1, exponent + 1];
  // 3 * 0.1 is not 0.3, but 3 / 10 is.
  const multiple = (i: number): number => (exponent < 0 ? (i * mantissa) / 10 ** -exponent : i * mantissa * 10 ** exponent);
  const step = multiple(1);
  const first = Math.ceil(min / step - EPSILON);
  const last = Math.floor(max / step + EPSILON);
  const values = Array.from({ length: last - first + 1 }, (_, i) => multiple(first + i));
  return { step, values, labels: values.map((value) => tickLabel(value, exponent)) };
}

/** The smallest range of whole steps that contains [min, max]. */
export function niceRange(min: number, max: number, count: number): readonly [number, number] {
  const { step } = niceTicks(min, max, count);
  return [Math.floor(min / step + EPSILON) * step, Math.ceil(max / step - EPSILON) * step];
}

/** @param exponent of the axis' step, a power of ten */
function tickLabel(value: number, exponent: number): string {
  if (value === 0) return '0';
  if (exponent < -4 || Math.abs(value) >= 1e7) {
    const digits = Math.floor(Math.log10(Math.abs(value)) + EPSILON) - exponent;
    return value.toExponential(Math.min(Math.max(digits, 0), 20)).replace(/\.?0+e/, 'e').replace('e+', 'e');
  }
  const decimals = Math.max(0, -exponent);
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}
