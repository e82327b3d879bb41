import { describe, expect, it } from 'vitest';
import { ERROR_KINDS, errorKind } from '../../../src/report/client/errors.js';

describe('the error overlay', () => {
  it('tells every kind of pixel apart', () => {
    const kind = (truth: number, label: number): string | undefined => ERROR_KINDS[errorKind(truth, label)]?.kind;
    expect(kind(0, 0)).toBeUndefined();
    expect(kind(12, 12)).toBe('right');
    expect(kind(12, 0)).toBe('missed');
    expect(kind(0, 12)).toBe('false');
    expect(kind(12, 8)).toBe('wrong');
    expect(kind(12, 255)).toBe('ignored');
    expect(kind(0, 255)).toBe('ignored');
    // The ground truth's void is scored nowhere.
    expect([kind(255, 0), kind(255, 12), kind(255, 255)]).toEqual(['void', 'void', 'void']);
    expect(new Set(ERROR_KINDS.map(({ colour }) => colour.join())).size).toBe(6);
  });
});
