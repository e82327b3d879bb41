import { describe, expect, it } from 'vitest';
import { createKernels } from '../../src/kernels/kernels.js';

describe('the memory of an instance', () => {
  it('keeps what was written when it grows', () => {
    const { arena, run } = createKernels();
    const block = arena.floats(3);
    block.view.set([1, 2, 3]);
    const before = run.memory.buffer;
    arena.bytes(2 ** 24);
    expect(run.memory.buffer).not.toBe(before);
    expect([...block.view]).toEqual([1, 2, 3]);
  });

  it('does not grow when blocks of the same size come again', () => {
    const { arena, run } = createKernels();
    arena.floats(2 ** 20);
    const size = run.memory.buffer.byteLength;
    for (let i = 0; i < 100; i++) {
      arena.reset();
      arena.floats(2 ** 20);
    }
    expect(run.memory.buffer.byteLength).toBe(size);
    expect(size).toBeLessThan(4 * 2 ** 20 + 2 ** 18);
  });

  it('holds what is to stay, and gives blocks to nobody else', () => {
    const { arena } = createKernels();
    const kept = arena.words(5);
    arena.hold();
    kept.view.fill(7);
    arena.reset();
    const other = arena.floats(100);
    other.view.fill(1);
    expect([...kept.view]).toEqual([7, 7, 7, 7, 7]);
    expect(other.address).toBeGreaterThanOrEqual(kept.address + 20);
    expect(other.address % 64).toBe(0);
  });

  it('refuses what no 32-bit address can reach', () => {
    expect(() => createKernels().arena.floats(2 ** 30)).toThrow('do not fit');
  });
});
