/** A power x^n as a sum of Chebyshev polynomials of a range that contains all x. */
export interface PowerSeries {
  /** The range is from `lowest` to 1. */
  readonly lowest: number;
  /** x^n = sum_k shares[k] T_k(t), with t = -1..1 for x = lowest..1. */
  readonly shares: readonly number[];
}

/** Polynomials are left out if all of them together change x^n by no more than this. */
const TOLERANCE = 1e-6;

const known = new Map<string, PowerSeries>();

/**
 * x^n with far fewer than n steps: of the n Chebyshev polynomials, only about the first sqrt(n) times a constant count (S. Sachdeva
 * and N. Vishnoi, *Faster algorithms via approximation theory*, 2014, chapter 3). For x^64 on -1/3..1, they are 32.
 */
export function powerSeries(n: number, lowest: number): PowerSeries {
  const key = `${n} ${lowest}`;
  const series = known.get(key) ?? { lowest, shares: cut(sharesOf(n, lowest)) };
  known.set(key, series);
  return series;
}

/** The coefficients by Gauss-Chebyshev quadrature, which is exact for polynomials of this degree. */
function sharesOf(n: number, lowest: number): number[] {
  const points = n + 1;
  const values = Float64Array.from({ length: points }, (_, i) => place(Math.cos(((i + 0.5) * Math.PI) / points), lowest) ** n);
  return Array.from({ length: points }, (_, k) => {
    const sum = values.reduce((total, value, i) => total + value * Math.cos((k * (i + 0.5) * Math.PI) / points), 0);
    return (k === 0 ? 1 : 2) * sum / points;
  });
}

/** t = -1..1 as x = lowest..1. */
function place(t: number, lowest: number): number {
  return (1 - lowest) / 2 * t + (1 + lowest) / 2;
}

/** Without the last shares, which do not count. */
function cut(shares: readonly number[]): number[] {
  let rest = 0;
  let end = shares.length;
  while (end > 1 && rest + Math.abs(shares[end - 1]) <= TOLERANCE) rest += Math.abs(shares[--end]);
  return shares.slice(0, end);
}
