import type { Box } from '../../datasets/boxes/box-truth.js';

/** The intersection of two boxes over their union. A side from `a` to `b` is b - a + 1 pixels long. */
export function boxIou(a: Box, b: Box): number {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]) + 1);
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]) + 1);
  const shared = width * height;
  const union = areaOf(a) + areaOf(b) - shared;
  return union <= 0 ? 0 : shared / union;
}

function areaOf([left, top, right, bottom]: Box): number {
  return (right - left + 1) * (bottom - top + 1);
}
