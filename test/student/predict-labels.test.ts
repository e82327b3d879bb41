import { expect, it } from 'vitest';
import { predictLabels } from '../../src/student/predict-labels.js';

it('labels are those of the largest enlarged logit among the allowed', () => {
  // Two cells; enlarged to four pixels with half-pixel centres: 0, 1/4, 3/4, 1 of the way.
  const logits = Float32Array.from([1, 1, 0, 2, 9, 9]);
  expect(predictLabels(logits, [1, 2], [1, 4], [0, 1])).toEqual({ width: 4, height: 1, data: Uint8Array.of(0, 0, 1, 1) });
  expect([...predictLabels(logits, [1, 2], [1, 4], [0, 1, 2]).data]).toEqual([2, 2, 2, 2]);
  expect([...predictLabels(logits, [1, 2], [2, 2], [0]).data]).toEqual([0, 0, 0, 0]);
});
