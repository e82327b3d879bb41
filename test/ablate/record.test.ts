import { describe, expect, it } from 'vitest';
import { decodeRecord, encodeRecord } from '../../src/ablate/record.js';
import type { ImageRecord } from '../../src/ablate/record.js';

const record: ImageRecord = {
  truths: [0, 15], totals: Float64Array.of(180_000, 300), labels: [15],
  measures: [
    { parameters: 3, columns: 1, counts: Int32Array.of(150_000, 290, 90_000, 290, 4, 0) },
    { parameters: 1, columns: 2, counts: Int32Array.of(1, 2, 3, 4) },
  ],
};

describe('records', () => {
  it('come back as they were', () => {
    expect(decodeRecord(encodeRecord(record))).toEqual(record);
    const empty: ImageRecord = {
      truths: [0], totals: Float64Array.of(12), labels: [], measures: [{ parameters: 60, columns: 0, counts: new Int32Array(0) }],
    };
    expect(decodeRecord(encodeRecord(empty))).toEqual(empty);
  });

  it('are bytes of seven bits each, lowest first, of differences with the sign in the lowest bit', () => {
    const bytes = encodeRecord({
      truths: [3], totals: Float64Array.of(300), labels: [3], measures: [{ parameters: 3, columns: 1, counts: Int32Array.of(200, 200, 135) }],
    });
    expect([...bytes]).toEqual([
      ...Buffer.from('VSA1'), 1, 3, /* 300 = 2 * 128 + 44 */ 1, 0x80 | 44, 2, 1, 3, /* measures */ 1, 3, 1,
      /* 200 -> 400 = 3 * 128 + 16 */ 0x80 | 16, 3, /* 0 */ 0, /* -65 -> 129 */ 0x80 | 1, 1,
    ]);
  });

  it('are refused where they are damaged', () => {
    const bytes = encodeRecord(record);
    expect(() => decodeRecord(bytes.subarray(0, bytes.length - 1))).toThrow('it is cut short');
    expect(() => decodeRecord(Uint8Array.of(...bytes, 0))).toThrow('there is data after its end');
    expect(() => decodeRecord(Buffer.from('hello'))).toThrow('it is not a record');
  });
});
