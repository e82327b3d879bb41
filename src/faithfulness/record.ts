import { join } from 'node:path';
import type { TestName } from '../metrics/faithfulness/names.js';

/** The folder of the images' records. */
export const RECORD_FOLDER = 'images';

/** The path of an image's record. */
export function recordPath(out: string, id: string): string {
  return join(out, RECORD_FOLDER, `${id}.json`);
}

/** The results of one photograph. */
export interface ImageRecord {
  /** The index of the class's logit. */
  readonly class: number;
  /** Whether the class is the first choice, or among the first five, for the unchanged photograph (0 or 1), and its confidence. */
  readonly plain: readonly number[];
  /** For each variant, the numbers of all columns. */
  readonly variants: readonly (readonly number[])[];
  /** For each variant, the confidences of insertion and deletion at equally spaced shares of the pixels. Records of earlier versions have none. */
  readonly curves?: readonly Curves[];
}

/** Curves by the names of their tests. */
export type Curves = Readonly<Partial<Record<TestName, readonly number[]>>>;

/** A confidence with as many digits as a curve needs. */
export function curveValue(confidence: number): number {
  return Math.round(confidence * 1e6) / 1e6;
}

export function encodeRecord(record: ImageRecord): Uint8Array {
  return Buffer.from(`${JSON.stringify(record)}\n`);
}

/**
 * @param sizes the number of variants, and of columns
 * @returns `undefined` if the text is not a complete record
 */
export function decodeRecord(text: string, sizes: readonly [variants: number, columns: number]): ImageRecord | undefined {
  try {
    const record = JSON.parse(text) as ImageRecord;
    const whole = record.plain.length === PLAIN_VALUES.length && record.variants.length === sizes[0]
      && [record.plain, ...record.variants].every((values, i) => (i === 0 || values.length === sizes[1]) && values.every(Number.isFinite));
    return whole ? record : undefined;
  } catch {
    return undefined;
  }
}

/** The numbers of an unchanged photograph. */
export const PLAIN_VALUES = ['top-1', 'top-5', 'confidence'] as const;
