import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { formatInputSize } from '../image/input-size.js';
import { writeFileAtomic } from '../jobs/files/atomic.js';
import { readRegularFile } from '../jobs/files/read-file.js';
import { removeLeftovers } from '../jobs/files/temporary.js';
import type { FeatureLayer } from '../classifier/layers.js';
import type { NetworkGraph } from '../classifier/network.js';
import { buildFeatureGraph, FEATURES } from './graphs.js';
import { computeVectors } from './vectors.js';
import type { VectorOptions } from './vectors.js';

const CACHE_PREFIX = 'features-';

/** Pooled features of a list of photographs. */
export interface FeatureTable {
  /** The photographs with features, in the order of the list. */
  readonly paths: readonly string[];
  /** [photographs, views, channels] */
  readonly data: Float32Array;
  readonly views: number;
  readonly channels: number;
  readonly failures: readonly { readonly path: string; readonly reason: string }[];
  /** Whether the table came from the cache. */
  readonly cached: boolean;
}

export interface FeatureOptions extends Omit<VectorOptions, 'input' | 'output'> {
  readonly backbone: NetworkGraph;
  /** The hash of the backbone's file, part of the cache key. */
  readonly backboneHash: string;
  readonly layer: FeatureLayer;
  readonly cache: string;
}

/**
 * Computes the globally pooled features of photographs and caches them. Another call with the same backbone and sizes and
 * unchanged files reads them from the cache. Photographs that cannot be read are listed and left out; then nothing is cached.
 */
export async function extractFeatures(paths: readonly string[], options: FeatureOptions): Promise<FeatureTable> {
  const { layer, inputSizes, flip } = options;
  const views = inputSizes.length * (flip ? 2 : 1);
  const channels = layer.channels;
  const file = join(options.cache, `${CACHE_PREFIX}${await cacheKey(paths, options)}.f32`);
  await removeLeftovers(options.cache, CACHE_PREFIX);
  const known = await readCache(file, paths.length * views * channels);
  if (known !== undefined) return { paths, data: known, views, channels, failures: [], cached: true };

  const { paths: read, data, failures } = await computeVectors(buildFeatureGraph(options.backbone, layer), paths, channels, {
    ...options, input: options.backbone.input.name, output: FEATURES,
  });
  if (failures.length === 0) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    await writeFileAtomic(file, Buffer.concat([bytes, hashOf(bytes)]));
  }
  return { paths: read, data, views, channels, failures, cached: false };
}

async function cacheKey(paths: readonly string[], { backboneHash, layer, normalisation, inputSizes, flip }: FeatureOptions): Promise<string> {
  const { channelOrder, scale, mean, std } = normalisation;
  const hash = createHash('sha256');
  const sizes = inputSizes.map(formatInputSize);
  hash.update(JSON.stringify({ version: 1, backboneHash, layer: layer.name, channelOrder, scale, mean, std, sizes, flip }));
  for (const path of paths) {
    const entry = await stat(path).catch(() => undefined);
    hash.update(`${path}\0${entry?.size}\0${entry?.mtimeMs}\n`);
  }
  return hash.digest('hex').slice(0, 24);
}

/** A cache file contains the floats, followed by their SHA-256. Earlier versions wrote no hash. */
async function readCache(file: string, length: number): Promise<Float32Array | undefined> {
  const bytes = await readRegularFile(file).catch(() => undefined);
  const content = bytes?.subarray(0, length * 4);
  // A file with a wrong length is not our cache, and one with a wrong hash is damaged.
  if (bytes === undefined || content?.byteLength !== length * 4) return undefined;
  if (bytes.byteLength !== content.byteLength && !bytes.subarray(length * 4).equals(hashOf(content))) return undefined;
  const floats = new Float32Array(length);
  new Uint8Array(floats.buffer).set(content);
  return floats;
}

function hashOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
