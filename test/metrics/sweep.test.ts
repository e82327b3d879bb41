import { describe, expect, it } from 'vitest';
import { ThresholdSweep } from '../../src/metrics/sweep.js';

describe('ThresholdSweep', () => {
  // Five pixels of background and class 3, one void; maps of the classes 3 and 7.
  const truth = Uint8Array.of(0, 0, 3, 3, 3, 255);
  const best = Float32Array.of(0.15, 0.55, 0.5, 0.85, 0, 1);
  const label = Uint8Array.of(3, 7, 3, 3, 7, 3);

  /** By hand: a pixel is foreground where best > t. */
  function countsAt(step: number): { [cell: string]: number } {
    const sweep = new ThresholdSweep(10);
    sweep.add(truth, best, label);
    const matrix = sweep.matrix(step);
    const cells: { [cell: string]: number } = {};
    for (let t = 0; t < 21; t++) for (let p = 0; p <= 21; p++) if (matrix.at(t, p) !== 0) cells[`${t}->${p}`] = matrix.at(t, p);
    return cells;
  }

  it('scores a threshold of 0: everything but a zero map is foreground', () => {
    expect(countsAt(0)).toEqual({ '0->3': 1, '0->7': 1, '3->3': 2, '3->0': 1 });
  });

  it('leaves a value that equals the threshold in the background', () => {
    expect(countsAt(5)).toEqual({ '0->0': 1, '0->7': 1, '3->3': 1, '3->0': 2 });
  });

  it('scores high thresholds', () => {
    expect(countsAt(6)).toEqual({ '0->0': 2, '3->3': 1, '3->0': 2 });
    expect(countsAt(9)).toEqual({ '0->0': 2, '3->0': 3 });
  });

  it('merges', () => {
    const [a, b] = [new ThresholdSweep(10), new ThresholdSweep(10)];
    a.add(truth.subarray(0, 3), best.subarray(0, 3), label.subarray(0, 3));
    b.add(truth.subarray(3), best.subarray(3), label.subarray(3));
    a.merge(b);
    expect(a.matrix(0).at(3, 3)).toBe(2);
    expect(a.matrix(0).at(0, 7)).toBe(1);
    expect(a.threshold(4)).toBe(0.4);
  });
});
