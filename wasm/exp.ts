// The exponential function of four numbers at once.

const LOG2E: f32 = 1.4426950408889634;
// ln 2 in two parts. The first has so few bits that its products with small whole numbers are exact.
const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.12194440e-4;
/** The smallest exponent whose result is a normal number. */
const LOWEST: f32 = -87.0;
/** 1.5 * 2^23: adding a small number rounds it to a whole number in the lowest bits. */
const ROUND: f32 = 12582912.0;
const ONE_BITS: i32 = 0x3f800000;

/**
 * exp(x) of four numbers x <= 0, with a relative error below 3e-7. For x below -87 it is exp(-87), about 1.6e-38.
 *
 * x = n ln 2 + r with |r| <= ln 2 / 2. exp(r) is Taylor's polynomial of degree 6, with a remainder below 2e-8 in this range.
 * 2^n is written into the exponent's bits.
 */
// @ts-ignore: decorators of functions are AssemblyScript's
@inline
export function exp4(x: v128): v128 {
  const clamped = f32x4.pmax(x, f32x4.splat(LOWEST));
  const shifted = f32x4.add(f32x4.mul(clamped, f32x4.splat(LOG2E)), f32x4.splat(ROUND));
  const n = f32x4.sub(shifted, f32x4.splat(ROUND));
  const r = f32x4.sub(f32x4.sub(clamped, f32x4.mul(n, f32x4.splat(LN2_HIGH))), f32x4.mul(n, f32x4.splat(LN2_LOW)));
  const square = f32x4.mul(r, r);
  // Estrin's scheme: three short chains instead of a long one.
  const low = f32x4.add(f32x4.splat(1), r);
  const middle = f32x4.add(f32x4.splat(0.5), f32x4.mul(r, f32x4.splat(0.16666666666666666)));
  const high = f32x4.add(f32x4.splat(0.041666666666666664), f32x4.mul(r, f32x4.splat(0.008333333333333333)));
  const top = f32x4.add(high, f32x4.mul(square, f32x4.splat(0.001388888888888889)));
  const polynomial = f32x4.add(low, f32x4.mul(square, f32x4.add(middle, f32x4.mul(square, top))));
  return f32x4.mul(polynomial, i32x4.add(i32x4.shl(shifted, 23), i32x4.splat(ONE_BITS)));
}

/** A power of two so small that nothing changes if it is added to 1, and that products with it are not denormal. */
const MOST_HALVINGS: f32 = 64.0;

/**
 * 2^-x of four numbers x >= 0, with a relative error below 3e-7 (and one of x itself). For x above 64 it is 2^-64.
 *
 * x = n + f with |f| <= 1/2. 2^-f is the polynomial of degree 5 with the smallest relative error, 9.2e-8.
 */
// @ts-ignore: decorators of functions are AssemblyScript's
@inline
export function halved4(x: v128): v128 {
  const clamped = f32x4.pmin(x, f32x4.splat(MOST_HALVINGS));
  const shifted = f32x4.sub(f32x4.splat(ROUND), clamped);
  const f = f32x4.add(clamped, f32x4.sub(shifted, f32x4.splat(ROUND)));
  const square = f32x4.mul(f, f);
  const low = f32x4.add(f32x4.splat(1), f32x4.mul(f, f32x4.splat(-0.6931469775788273)));
  const middle = f32x4.add(f32x4.splat(0.24022242071828714), f32x4.mul(f, f32x4.splat(-0.05550733772505653)));
  const high = f32x4.add(f32x4.splat(0.009671513260959736), f32x4.mul(f, f32x4.splat(-0.0013264718392396492)));
  const polynomial = f32x4.add(low, f32x4.mul(square, f32x4.add(middle, f32x4.mul(square, high))));
  return f32x4.mul(polynomial, i32x4.add(i32x4.shl(shifted, 23), i32x4.splat(ONE_BITS)));
}
