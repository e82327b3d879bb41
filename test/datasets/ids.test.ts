import { describe, expect, it } from 'vitest';
import { isInVal, uniqueIds } from '../../src/datasets/ids.js';
import { refusal } from '../helpers.js';

describe('uniqueIds', () => {
  it('are file names, with their folders in front if two are the same', () => {
    expect(uniqueIds(['a/1.jpg', 'b/2.JPG', 'b/c/3.png'])).toEqual(['1', '2', '3']);
    expect(uniqueIds(['cat/001.jpg', 'dog/001.png', 'dog/002.jpg'])).toEqual(['cat_001', 'dog_001', '002']);
    expect(uniqueIds(['001.jpg', 'dog/001.jpg'])).toEqual(['001', 'dog_001']);
  });

  it('refuse photographs that cannot be told apart', () => {
    expect(refusal(() => uniqueIds(['cat/1.jpg', 'cat/1.png'])).message).toBe('two photographs have the id cat_1: cat/1.jpg and cat/1.png');
    expect(refusal(() => uniqueIds(['a/b/1.jpg', 'a_b/1.jpg'])).message).toBe('two photographs have the id a_b_1: a/b/1.jpg and a_b/1.jpg');
  });
});

describe('isInVal', () => {
  const ids = Array.from({ length: 12 }, (_, i) => `img_${String(i).padStart(2, '0')}`);

  // By Python: int.from_bytes(hashlib.sha256(f"{seed}:{id}".encode()).digest()[:6], "big") / 2**48 < 0.25
  it('depends on nothing but id and seed', () => {
    const chosen = (seed: number): string[] => ids.filter((id) => isInVal(id, { seed, valShare: 0.25 }));
    expect(chosen(0)).toEqual(['img_06', 'img_08', 'img_09', 'img_10']);
    expect(chosen(3)).toEqual(['img_03', 'img_07', 'img_09', 'img_10', 'img_11']);
  });

  it('takes the share', () => {
    const count = Array.from({ length: 10000 }, (_, i) => `x${i}`).filter((id) => isInVal(id)).length;
    expect(count).toBe(2042);
    expect(ids.some((id) => isInVal(id, { valShare: 0 }))).toBe(false);
    expect(ids.every((id) => isInVal(id, { valShare: 1 }))).toBe(true);
  });
});
