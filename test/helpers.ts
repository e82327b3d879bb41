import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { CamMethodName } from '../src/cam/names.js';
import type { CamRequest } from '../src/cam/plan.js';
import type { FeatureLayer } from '../src/classifier/layers.js';
import { UserError } from '../src/errors.js';

/** The repository's folder. */
export const repository = fileURLToPath(new URL('..', import.meta.url));

/** The folder of shared data beside the repository; tests that need it skip where it is absent. */
export const shared = resolve(repository, '../shared');
export const hasShared = existsSync(resolve(shared, 'voc/VOCdevkit/VOC2012'));

/** The largest absolute difference, relative to the largest absolute expected value. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    // NaN must not pass as "no difference".
    if (!(error <= difference)) difference = error;
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return difference / largest;
}

/** Every method at every layer: the first method at all layers comes first. */
export function camRequests(layers: readonly FeatureLayer[], methods: readonly CamMethodName[] = ['layer-cam']): CamRequest[] {
  return methods.flatMap((method) => layers.map((layer) => ({ layer, method })));
}

/** The UserError that an action must throw. */
export function refusal(action: () => unknown): UserError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return error as UserError;
  }
  throw new Error('nothing was thrown');
}
