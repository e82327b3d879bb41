import { describe, expect, it } from 'vitest';
import { reasonLines } from '../../src/train/reasons.js';

describe('reasonLines', () => {
  it('puts reasons together that differ in the photograph\'s name alone, the most frequent first', () => {
    const cut = (id: string) => ({ path: `/photos/${id}.jpg`, reason: `cannot read /photos/${id}.jpg: it ends early` });
    expect(reasonLines([{ path: '/photos/z.jpg', reason: 'Got 1 Expected 8' }, ...['e', 'a', 'c', 'b', 'd'].map(cut)])).toEqual([
      '  a, b, c and 2 more: cannot read /photos/a.jpg: it ends early',
      '  z: Got 1 Expected 8',
    ]);
    expect(reasonLines([])).toEqual([]);
  });

  it('lists twenty reasons, and counts the others', () => {
    const lines = reasonLines(Array.from({ length: 23 }, (_, i) => ({ path: `p${i}.png`, reason: `reason number ${'x'.repeat(i)}` })));
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe('  and 3 other reasons');
  });

  it('takes a name for what it is, whatever characters are in it', () => {
    expect(reasonLines([{ path: '__proto__', reason: 'constructor' }, { path: 'a$&.jpg', reason: 'a$& is empty' }])).toEqual(['  __proto__: constructor', '  a$&: a$& is empty']);
  });
});
