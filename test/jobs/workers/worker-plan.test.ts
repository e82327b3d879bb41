import { describe, expect, it } from 'vitest';
import { planWorkers, tasksPerWorker } from '../../../src/jobs/workers/worker-plan.js';

const GiB = 2 ** 30;

describe('planWorkers', () => {
  it('gives every processor a worker where memory allows', () => {
    expect(planWorkers({}, { cores: 8, memory: 16 * GiB, perWorker: GiB })).toEqual({ workers: 8, threads: 1, batch: 1 });
  });

  it('gives a large network fewer workers with more threads', () => {
    expect(planWorkers({}, { cores: 8, memory: 7 * GiB, perWorker: 3 * GiB })).toEqual({ workers: 2, threads: 4, batch: 1 });
    expect(planWorkers({}, { cores: 8, memory: 2 * GiB, perWorker: 3 * GiB })).toEqual({ workers: 1, threads: 8, batch: 1 });
    expect(planWorkers({}, { cores: 7, memory: 7 * GiB, perWorker: 3 * GiB })).toEqual({ workers: 2, threads: 3, batch: 1 });
  });

  it('gives an accelerator as many workers as a processor, and a batch', () => {
    const limits = { cores: 8, memory: 64 * GiB, perWorker: GiB, accelerated: true };
    expect(planWorkers({}, limits)).toEqual({ workers: 8, threads: 1, batch: 8 });
    expect(planWorkers({ workers: 2, batch: 3 }, limits)).toEqual({ workers: 2, threads: 4, batch: 3 });
  });

  it('fills up what the user leaves open', () => {
    const limits = { cores: 8, memory: 64 * GiB, perWorker: GiB };
    expect(planWorkers({ workers: 3 }, limits)).toEqual({ workers: 3, threads: 2, batch: 1 });
    expect(planWorkers({ threads: 4 }, limits)).toEqual({ workers: 2, threads: 4, batch: 1 });
    expect(planWorkers({ threads: 16 }, limits)).toEqual({ workers: 1, threads: 16, batch: 1 });
    expect(planWorkers({ workers: 5, threads: 5 }, limits)).toEqual({ workers: 5, threads: 5, batch: 1 });
  });
});

describe('tasksPerWorker', () => {
  it('are two: one computes while the next is decoded', () => {
    expect(tasksPerWorker({ workers: 8, batch: 1 }, false)).toBe(2);
    expect(tasksPerWorker({ workers: 8, batch: 1 }, true)).toBe(2);
  });

  it('are enough for three batches, in each worker or in all together', () => {
    expect(tasksPerWorker({ workers: 3, batch: 8 }, false)).toBe(24);
    expect(tasksPerWorker({ workers: 1, batch: 8 }, true)).toBe(24);
    expect(tasksPerWorker({ workers: 5, batch: 8 }, true)).toBe(5);
    expect(tasksPerWorker({ workers: 16, batch: 8 }, true)).toBe(2);
  });
});
