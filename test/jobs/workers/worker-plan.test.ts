import { describe, expect, it } from 'vitest';
import { planLanes } from '../../../src/jobs/workers/worker-plan.js';

const GiB = 2 ** 30;

describe('planLanes', () => {
  it('gives every processor a worker where memory allows', () => {
    expect(planLanes({}, { cores: 8, memory: 16 * GiB, perWorker: GiB })).toEqual({ workers: 8, threads: 1 });
  });

  it('gives a large network fewer workers with more threads', () => {
    expect(planLanes({}, { cores: 8, memory: 7 * GiB, perWorker: 3 * GiB })).toEqual({ workers: 2, threads: 4 });
    expect(planLanes({}, { cores: 8, memory: 2 * GiB, perWorker: 3 * GiB })).toEqual({ workers: 1, threads: 8 });
    expect(planLanes({}, { cores: 7, memory: 7 * GiB, perWorker: 3 * GiB })).toEqual({ workers: 2, threads: 3 });
  });

  it('gives an accelerator one worker, unless the user wants more', () => {
    const limits = { cores: 8, memory: 64 * GiB, perWorker: GiB, accelerated: true };
    expect(planLanes({}, limits)).toEqual({ workers: 1, threads: 8 });
    expect(planLanes({ workers: 2 }, limits)).toEqual({ workers: 2, threads: 4 });
  });

  it('fills up what the user leaves open', () => {
    const limits = { cores: 8, memory: 64 * GiB, perWorker: GiB };
    expect(planLanes({ workers: 3 }, limits)).toEqual({ workers: 3, threads: 2 });
    expect(planLanes({ threads: 4 }, limits)).toEqual({ workers: 2, threads: 4 });
    expect(planLanes({ threads: 16 }, limits)).toEqual({ workers: 1, threads: 16 });
    expect(planLanes({ workers: 5, threads: 5 }, limits)).toEqual({ workers: 5, threads: 5 });
  });
});
