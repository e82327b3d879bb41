import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { InputSize } from '../image/input-size.js';
import { formatInputSize } from '../image/input-size.js';
import type { Normalisation } from '../image/normalise.js';
import { writeFileAtomic } from '../jobs/files.js';
import { readRegularFile } from '../jobs/read-file.js';
import type { FeatureLayer } from '../onnx/layers.js';
import type { NetworkGraph } from '../onnx/network.js';
import type { RuntimeChoice } from '../runtime/open.js';
import { buildFeatureGraph, FEATURES } from './graphs.js';
import { computeVectors } from './vectors.js';

/** Pooled features of a list of photographs. */
export interface FeatureTable {
  /** Photographs with features, in the order of the list. */
  readonly paths: readonly string[];
  /** [photographs, views, channels] */
  readonly data: Float32Array;
  readonly views: number;
  readonly channels: number;
  readonly failures: readonly { readonly path: string; readonly reason: string }[];
  /** Whether the table came from the cache. */
  readonly cached: boolean;
}

export interface FeatureOptions {
  readonly backbone: NetworkGraph;
  /** Of the backbone's file, to tell caches apart. */
  readonly backboneHash: string;
  readonly layer: FeatureLayer;
  readonly normalisation: Normalisation;
  readonly inputSizes: readonly InputSize[];
  /** Take each photograph's mirror image as a second view. */
  readonly flip: boolean;
  readonly cache: string;
  readonly workers?: number;
  readonly runtime?: RuntimeChoice;
  readonly onStart?: (total: number) => void;
  readonly onProgress?: (done: number) => void;
}

/**
 * The globally pooled features of photographs, computed once: a second call with the same backbone, sizes and unchanged
 * files reads them from the cache. Photographs that cannot be read are listed and left out, and nothing is cached then.
 */
export async function extractFeatures(paths: readonly string[], options: FeatureOptions): Promise<FeatureTable> {
  const { layer, inputSizes, flip } = options;
  const views = inputSizes.length * (flip ? 2 : 1);
  const channels = layer.channels;
  const file = join(options.cache, `features-${await cacheKey(paths, options)}.f32`);
  const known = await readCache(file, paths.length * views * channels);
  if (known !== undefined) return { paths, data: known, views, channels, failures: [], cached: true };

  const { paths: read, data, failures } = await computeVectors(buildFeatureGraph(options.backbone, layer), paths, channels, {
    ...options, input: options.backbone.input.name, output: FEATURES,
  });
  if (failures.length === 0) await writeFileAtomic(file, new Uint8Array(data.buffer));
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

async function readCache(file: string, length: number): Promise<Float32Array | undefined> {
  const bytes = await readRegularFile(file).catch(() => undefined);
  // A file of another length is no cache of ours.
  if (bytes?.byteLength !== length * 4) return undefined;
  const floats = new Float32Array(length);
  new Uint8Array(floats.buffer).set(bytes);
  return floats;
}
