import { describe, expect, it } from 'vitest';
import { fileNames } from '../../../src/report/run/file-names.js';

describe('fileNames', () => {
  it('keeps ids that are safe, and makes the others safe and different', () => {
    const ids = ['2007_000032', 'a b', 'a_b', '<img onerror=alert(1)>', '..', 'A', 'a', 'x'.repeat(300), '%2e', 'ö'];
    const names = fileNames(ids);
    expect(names.get('2007_000032')).toBe('2007_000032');
    expect(names.get('a_b')).toBe('a_b');
    expect(names.get('A')).toBe('A');
    const all = [...names.values()];
    expect(all).toHaveLength(ids.length);
    for (const name of all) expect(name).toMatch(/^\w[\w.-]{0,119}$/);
    expect(new Set(all.map((name) => name.toLowerCase())).size).toBe(ids.length);
    expect(fileNames(['a b']).get('a b')).toBe(names.get('a b'));
  });
});
