import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { repository } from '../helpers.js';

interface StoredArray { readonly shape: number[]; readonly type: '<f4' | '<i4'; readonly data: string }

interface Stored {
  readonly points: StoredArray;
  readonly start: StoredArray;
  readonly one: StoredArray;
  readonly few: StoredArray;
  readonly last: StoredArray;
  readonly owners: StoredArray;
  readonly firstOwners: StoredArray;
  readonly classes: number[];
  readonly layers: {
    readonly layer: string; readonly centres: StoredArray; readonly logits: number[]; readonly positive: number[]; readonly maps: StoredArray;
  }[];
  readonly samples: {
    readonly features: StoredArray; readonly coarse: StoredArray; readonly cells: number[]; readonly unit: StoredArray; readonly values: StoredArray;
  };
}

/** What numpy, scikit-learn and PyTorch computed; see test/fixtures/prototypes/make_prototypes.py. */
export const fixture = JSON.parse(readFileSync(resolve(repository, 'test/fixtures/prototypes/prototypes.json'), 'utf8')) as Stored;

/** The numbers of a stored array. */
export function numbers({ shape, type, data }: StoredArray): Float32Array {
  const bytes = Buffer.from(data, 'base64');
  const length = shape.reduce((product, size) => product * size, 1);
  if (bytes.length !== 4 * length) throw new Error('the fixture is cut short');
  return Float32Array.from({ length }, (_, i) => (type === '<f4' ? bytes.readFloatLE(4 * i) : bytes.readInt32LE(4 * i)));
}
