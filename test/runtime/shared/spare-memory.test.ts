import { describe, expect, it } from 'vitest';
import { SpareMemory } from '../../../src/runtime/shared/spare-memory.js';

const MiB = 2 ** 20;

describe('spare memory', () => {
  it('is the smallest that is large enough', () => {
    const spare = new SpareMemory();
    const [large, small] = [new ArrayBuffer(3 * MiB), new ArrayBuffer(2 * MiB)];
    spare.give(large);
    spare.give(small);
    expect(spare.take(MiB)).toBe(small);
    expect(spare.take(MiB)).toBe(large);
    expect(spare.take(MiB).byteLength).toBe(MiB);
    spare.give(small);
    expect(spare.take(2 * MiB + 4).byteLength).toBe(2 * MiB + 4);
  });

  it('is not wasted on a few numbers, and not kept without end', () => {
    const spare = new SpareMemory();
    for (let i = 0; i < 20; i++) spare.give(new ArrayBuffer(MiB + i));
    expect(spare.take(16).byteLength).toBe(16);
    const sizes = Array.from({ length: 9 }, () => spare.take(MiB).byteLength - MiB);
    expect(sizes).toEqual([12, 13, 14, 15, 16, 17, 18, 19, 0]);
  });
});
