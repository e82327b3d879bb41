import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Size } from '../../../src/size.js';
import { repository } from '../../helpers.js';

/** Maps, a picture, and what a reference made of them; see make_refine.py. */
export interface RefineCase {
  readonly name: string;
  readonly size: Size;
  readonly classes: number;
  /** RGB, [height, width, 3]. */
  readonly image: Uint8Array;
  /** The size of the maps: `size`, or that of a small grid. */
  readonly from: Size;
  /** [classes, h, w]. */
  readonly maps: Float32Array;
  /** [classes, height, width]. */
  readonly expected: Float32Array;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The content of a file of refine/, its arrays still as base64. */
export function readRefine(group: string): unknown {
  return JSON.parse(readFileSync(join(repository, 'test/fixtures/refine', `${group}.json`), 'utf8'));
}

export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'base64'));
}

export function floatsOf(text: string): Float32Array {
  return new Float32Array(bytesOf(text).buffer);
}

export function refineCases(group: string): RefineCase[] {
  const cases = readRefine(group) as (Omit<RefineCase, 'image' | 'maps' | 'expected'> & Record<'image' | 'maps' | 'expected', string>)[];
  return cases.map((entry) => ({ ...entry, image: bytesOf(entry.image), maps: floatsOf(entry.maps), expected: floatsOf(entry.expected) }));
}

/** The largest difference of two arrays; infinite where one is longer or holds no number. */
export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}
