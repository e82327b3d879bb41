import { describe, expect, it } from 'vitest';
import { itemsOfShard, parseShard } from '../../../src/jobs/journal/shard.js';
import { ownBytes, shareBytes } from '../../../src/jobs/workers/shared-bytes.js';
import { workerUrl } from '../../../src/jobs/workers/worker-url.js';

describe('parseShard', () => {
  it('reads i/n', () => {
    expect(parseShard('1/4')).toEqual({ index: 1, count: 4 });
    expect(parseShard('12/12')).toEqual({ index: 12, count: 12 });
  });

  it.each(['0/4', '5/4', '1', '/4', '1/', '-1/4', '1.5/4', 'a/b', '1/4/2', ''])('refuses %s', (text) => {
    expect(() => parseShard(text)).toThrow(`'${text}' is not a shard`);
  });
});

describe('itemsOfShard', () => {
  it('deals the items out in turn', () => {
    const items = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    expect([1, 2, 3].map((index) => itemsOfShard(items, { index, count: 3 }))).toEqual([['a', 'd', 'g'], ['b', 'e'], ['c', 'f']]);
    expect(itemsOfShard(['a'], { index: 2, count: 2 })).toEqual([]);
  });
});

describe('workerUrl', () => {
  it('is the neighbour of a compiled module', () => {
    expect(workerUrl('./seed-worker.js', 'file:///home/me/voc-seeds/dist/seeds/generate.js').href)
      .toBe('file:///home/me/voc-seeds/dist/seeds/seed-worker.cjs');
  });

  it('is the compiled twin for a module that runs from src', () => {
    expect(workerUrl('./seed-worker.js', 'file:///home/me/voc-seeds/src/seeds/generate.ts').href)
      .toBe('file:///home/me/voc-seeds/dist/seeds/seed-worker.cjs');
    expect(workerUrl('../a/b.js', 'file:///src/voc-seeds/src/seeds/generate.ts').href).toBe('file:///src/voc-seeds/dist/a/b.js');
  });
});

describe('shared bytes', () => {
  it('are copies', () => {
    const bytes = Uint8Array.from([1, 2, 3]);
    const shared = shareBytes(bytes);
    bytes[0] = 9;
    const own = ownBytes(shared);
    shared[1] = 9;
    expect([...own]).toEqual([1, 2, 3]);
    expect(shared.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(own.buffer).toBeInstanceOf(ArrayBuffer);
  });
});
