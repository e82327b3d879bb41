import { describe, expect, it } from 'vitest';
import type { MeasureCounts } from '../../src/ablate/record.js';
import { countByThreshold } from '../../src/ablate/threshold-counts.js';
import { truthSlots } from '../../src/ablate/truth-slots.js';
import { ArrayMaps } from '../../src/maps/map-rows.js';
import type { ConflictPolicy } from '../../src/seeds/assign.js';
import { assignSeeds } from '../../src/seeds/assign.js';
import { uniform } from '../random.js';

/** By threshold and true label, the pixels of each column; as `[[...], ...]` per threshold. */
function table({ parameters, columns, counts }: MeasureCounts, truths: number): number[][][] {
  return Array.from({ length: parameters }, (_, p) => Array.from({ length: truths }, (__, t) => (
    [...counts.subarray((p * truths + t) * columns, (p * truths + t + 1) * columns)]
  )));
}

describe('truthSlots', () => {
  it('numbers the labels that are there, and leaves 255 out', () => {
    const { slots, count, truths, totals } = truthSlots(Uint8Array.of(0, 15, 255, 15, 3));
    expect(count).toBe(3);
    expect(truths).toEqual([0, 3, 15]);
    expect([...totals]).toEqual([1, 1, 2]);
    expect([...slots]).toEqual([0, 2, 3, 2, 1]);
  });
});

describe('countByThreshold', () => {
  // Six pixels in two rows; the last one is not scored. Classes A and B.
  const maps = new ArrayMaps(Float32Array.of(0.9, 0.5, 0.2, 0, 0.6, 1, /* B */ 0.1, 0.5, 0.8, 0, 0.55, 0.3), 2, 2, 3);
  const truth = truthSlots(Uint8Array.of(7, 0, 9, 0, 7, 255));
  const thresholds = [0, 0.25, 0.5, 0.75];

  it('counts the strongest class, by hand', () => {
    // Strongest: A 0.9, A 0.5 (the first of equals), B 0.8, none, A 0.6. Labels 0, 7, 9; columns A, B.
    const counts = countByThreshold(maps, truth, thresholds, { kind: 'argmax' });
    expect(table(counts, 3)).toEqual([
      [[1, 0], [2, 0], [0, 1]],
      [[1, 0], [2, 0], [0, 1]],
      // 0.5 does not exceed 0.5.
      [[0, 0], [2, 0], [0, 1]],
      [[0, 0], [1, 0], [0, 1]],
    ]);
  });

  it('ignores contested pixels while the second-best is foreground, by hand', () => {
    // Nearer than 0.1: the second pixel (0.5 and 0.5) and the fifth (0.6 and 0.55). The third column is ignored.
    const counts = countByThreshold(maps, truth, thresholds, { kind: 'ignore', margin: 0.1 });
    expect(table(counts, 3)).toEqual([
      [[0, 0, 1], [1, 0, 1], [0, 1, 0]],
      [[0, 0, 1], [1, 0, 1], [0, 1, 0]],
      [[0, 0, 0], [1, 0, 1], [0, 1, 0]],
      [[0, 0, 0], [1, 0, 0], [0, 1, 0]],
    ]);
  });

  it('gives pixels to the smaller class, by hand', () => {
    // Areas above 0: A 5, B 5 (equal: the last one wins); above 0.25: A 4, B 4; above 0.5: A 3, B 2; above 0.75: A 2, B 1.
    const counts = countByThreshold(maps, truth, thresholds, { kind: 'smaller-first' });
    expect(table(counts, 3)).toEqual([
      [[0, 1], [0, 2], [0, 1]],
      [[0, 1], [1, 1], [0, 1]],
      [[0, 0], [1, 1], [0, 1]],
      [[0, 0], [1, 0], [0, 1]],
    ]);
  });

  const policies: ConflictPolicy[] = [{ kind: 'argmax' }, { kind: 'ignore', margin: 0.07 }, { kind: 'smaller-first' }];
  it.each(policies.flatMap((policy) => [1, 2, 3, 5].map((classes) => ({ policy, classes }))))('counts what the seeds of $classes classes hold: $policy', ({ policy, classes }) => {
    const [height, width] = [13, 17];
    const random = uniform(classes);
    // Coarse values, for ties among maps and with thresholds.
    const data = Float32Array.from({ length: classes * height * width }, () => (random() < 0.2 ? 0 : Math.round(random() * 40) / 40));
    const own = new ArrayMaps(data, classes, height, width);
    const labels = [2, 5, 11, 15, 20].slice(0, classes);
    const labelsOfTruth = Uint8Array.from({ length: height * width }, () => [0, 2, 5, 255][Math.floor(4 * random())]);
    const slots = truthSlots(labelsOfTruth);
    const tried = [0, 0.1, 0.1, 0.225, 0.5, 0.77, 0.975, 1];
    const counts = table(countByThreshold(own, slots, tried, policy), 3);
    tried.forEach((threshold, p) => {
      const seeds = assignSeeds(own, labels, { thresholds: labels.map(() => threshold), conflict: policy });
      [0, 2, 5].forEach((label, t) => {
        const columns = policy.kind === 'ignore' ? [...labels, 255] : labels;
        const wanted = columns.map((column) => seeds.data.filter((value, i) => value === column && labelsOfTruth[i] === label).length);
        expect(counts[p][t], `threshold ${threshold}, label ${label}`).toEqual(wanted);
      });
    });
  });
});
