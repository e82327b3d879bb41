import { describe, expect, it } from 'vitest';
import { averageDecay, learningRate } from '../../src/train/schedule.js';
import { loadTrainingFixture } from '../fixtures/load.js';

describe('the learning rate', () => {
  it('falls as PyTorch\'s polynomial does', () => {
    const { rates } = loadTrainingFixture();
    rates.forEach((rate, update) => {
      expect(learningRate({ rate: rates[0], warmUp: 0, decay: 'poly' }, update, rates.length)).toBeCloseTo(rate, 9);
    });
  });

  it('falls along half a cosine', () => {
    const rates = [0, 1, 2, 3].map((update) => learningRate({ rate: 2, warmUp: 0, decay: 'cosine' }, update, 4));
    expect(rates[0]).toBe(2);
    // cos(pi / 4) = sqrt(1/2)
    expect(rates[1]).toBeCloseTo(1 + Math.SQRT1_2, 12);
    expect(rates[2]).toBeCloseTo(1, 12);
    expect(rates[3]).toBeCloseTo(1 - Math.SQRT1_2, 12);
  });

  it('grows in equal steps while warming up, and then starts to fall', () => {
    const rates = Array.from({ length: 10 }, (_, update) => learningRate({ rate: 1, warmUp: 0.4, decay: 'poly' }, update, 10));
    expect(rates.slice(0, 5)).toEqual([0.25, 0.5, 0.75, 1, 1]);
    expect(rates[7]).toBeCloseTo(0.5 ** 0.9, 12);
    expect(learningRate({ rate: 1, warmUp: 0.4, decay: 'constant' }, 9, 10)).toBe(1);
  });

  it('lets the moving average follow closely at first', () => {
    expect(averageDecay(0.99, 0)).toBe(0.1);
    expect(averageDecay(0.99, 10)).toBe(0.55);
    expect(averageDecay(0.99, 5000)).toBe(0.99);
  });
});
