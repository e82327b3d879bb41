import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { resizeMap } from '../../src/image/resize-map.js';

interface Case { from: [number, number]; to: [number, number]; map: number[]; expected: number[] }
const cases = JSON.parse(readFileSync(fileURLToPath(new URL('../fixtures/maps/resized.json', import.meta.url)), 'utf8')) as Case[];

it.each(cases)('resizeMap equals numpy from $from to $to', ({ from, to, map, expected }) => {
  const result = resizeMap(Float32Array.from(map), from, to);
  expect(result.length).toBe(to[0] * to[1]);
  result.forEach((value, i) => { expect(value).toBeCloseTo(expected[i], 6); });
});
