// One step of a walk: every pixel becomes the weighted mean of its neighbours, in all maps at once.

const EIGHT: usize = 32;

/**
 * Computes one row of the weighted means.
 *
 * @param from address of the row's first pixel in the first map, after the border; `to`: the same in the maps to write
 * @param plane bytes from one map to the next
 * @param maps the number of maps
 * @param affinities of this row, [ceil(width / 8), neighbours + 1, 8]; the last entry of a group multiplies the sums
 * @param offsets [neighbours], bytes from a pixel to each neighbour
 */
export function spreadRow(from: usize, to: usize, plane: usize, maps: i32, width: i32, affinities: usize, offsets: usize, neighbours: i32): void {
  const groups = (width + 7) >> 3;
  const groupBytes = <usize>(neighbours + 1) * EIGHT;
  for (let group = 0; group < groups; group++) {
    const across = <usize>group * EIGHT;
    const weights = affinities + <usize>group * groupBytes;
    let map = 0;
    // Two maps at a time: the four sums stay in registers, and each affinity is read once for both.
    for (; map + 1 < maps; map += 2) {
      const source = from + across + <usize>map * plane;
      let a0 = f32x4.splat(0);
      let a1 = f32x4.splat(0);
      let b0 = f32x4.splat(0);
      let b1 = f32x4.splat(0);
      let weight = weights;
      for (let n = 0; n < neighbours; n++) {
        const at = source + load<i32>(offsets + (<usize>n << 2));
        const w0 = v128.load(weight);
        const w1 = v128.load(weight, 16);
        a0 = f32x4.add(a0, f32x4.mul(w0, v128.load(at)));
        a1 = f32x4.add(a1, f32x4.mul(w1, v128.load(at, 16)));
        b0 = f32x4.add(b0, f32x4.mul(w0, v128.load(at + plane)));
        b1 = f32x4.add(b1, f32x4.mul(w1, v128.load(at + plane, 16)));
        weight += EIGHT;
      }
      const target = to + across + <usize>map * plane;
      const w0 = v128.load(weight);
      const w1 = v128.load(weight, 16);
      v128.store(target, f32x4.mul(a0, w0));
      v128.store(target, f32x4.mul(a1, w1), 16);
      v128.store(target + plane, f32x4.mul(b0, w0));
      v128.store(target + plane, f32x4.mul(b1, w1), 16);
    }
    if (map < maps) {
      const source = from + across + <usize>map * plane;
      let a0 = f32x4.splat(0);
      let a1 = f32x4.splat(0);
      let weight = weights;
      for (let n = 0; n < neighbours; n++) {
        const at = source + load<i32>(offsets + (<usize>n << 2));
        a0 = f32x4.add(a0, f32x4.mul(v128.load(weight), v128.load(at)));
        a1 = f32x4.add(a1, f32x4.mul(v128.load(weight, 16), v128.load(at, 16)));
        weight += EIGHT;
      }
      const target = to + across + <usize>map * plane;
      v128.store(target, f32x4.mul(a0, v128.load(weight)));
      v128.store(target, f32x4.mul(a1, v128.load(weight, 16)), 16);
    }
  }
}
