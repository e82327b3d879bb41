// An update of a network's weights.

/**
 * Stochastic gradient descent with momentum: v = momentum v + (ofGradient g + ofWeights p), p = p - rate v.
 *
 * @param weights [count] p
 * @param velocity [count] v
 * @param gradient [count] g
 */
export function momentumStep(
  weights: usize, velocity: usize, gradient: usize, count: i32, momentum: f32, ofGradient: f32, ofWeights: f32, rate: f32,
): void {
  const whole = <usize>(count & ~3) << 2;
  for (let i: usize = 0; i < whole; i += 16) {
    const p = v128.load(weights + i);
    const pull = f32x4.add(f32x4.mul(f32x4.splat(ofGradient), v128.load(gradient + i)), f32x4.mul(f32x4.splat(ofWeights), p));
    const v = f32x4.add(f32x4.mul(f32x4.splat(momentum), v128.load(velocity + i)), pull);
    v128.store(velocity + i, v);
    v128.store(weights + i, f32x4.sub(p, f32x4.mul(f32x4.splat(rate), v)));
  }
  for (let i = whole; i < <usize>count << 2; i += 4) {
    const p = load<f32>(weights + i);
    const v = momentum * load<f32>(velocity + i) + (ofGradient * load<f32>(gradient + i) + ofWeights * p);
    store<f32>(velocity + i, v);
    store<f32>(weights + i, p - rate * v);
  }
}
