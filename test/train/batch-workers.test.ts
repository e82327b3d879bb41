import { describe, expect, it } from 'vitest';
import { planBatchWorkers, shareNumbers } from '../../src/train/batch-workers.js';

describe('a batch on several threads', () => {
  it('is parted into as many workers, which differ by one image at the most', () => {
    expect(planBatchWorkers(16, 2)).toEqual({ images: [8, 8], threads: 1 });
    expect(planBatchWorkers(5, 3)).toEqual({ images: [1, 2, 2], threads: 1 });
    expect(planBatchWorkers(16, 1)).toEqual({ images: [16], threads: 1 });
  });

  it('of fewer images has more threads in each worker', () => {
    expect(planBatchWorkers(2, 7)).toEqual({ images: [1, 1], threads: 3 });
  });
});

describe('the numbers of all groups', () => {
  const groups = [{ size: 3 }, { size: 5 }, { size: 2 }];

  it('are shared out evenly, each once', () => {
    expect(shareNumbers(groups, 2, false)).toEqual([
      [{ group: 0, from: 0, to: 3 }, { group: 1, from: 0, to: 2 }],
      [{ group: 1, from: 2, to: 5 }, { group: 2, from: 0, to: 2 }],
    ]);
  });

  it('by whole groups where they cannot be cut', () => {
    expect(shareNumbers(groups, 2, true)).toEqual([
      [{ group: 0, from: 0, to: 3 }],
      [{ group: 1, from: 0, to: 5 }, { group: 2, from: 0, to: 2 }],
    ]);
    expect(shareNumbers([{ size: 9 }, { size: 1 }], 3, true)).toEqual([[], [], [{ group: 0, from: 0, to: 9 }, { group: 1, from: 0, to: 1 }]]);
  });
});
