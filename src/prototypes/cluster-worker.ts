import { readFile } from 'node:fs/promises';
import { workerData } from 'piscina';
import { positiveCentres } from '../classifier/prototypes.js';
import { messageOf } from '../errors.js';
import { openRuntime } from '../runtime/open.js';
import type { RuntimeChoice } from '../runtime/open.js';
import { ProductSessions } from './products.js';
import type { ProductGraphs } from './products.js';
import { randomOf } from './sample.js';
import { decodeSample } from './sample-file.js';
import type { Points } from './spherical-kmeans.js';
import { sphericalKMeans, startCentres } from './spherical-kmeans.js';

/** What a worker needs for all its classes. */
export interface ClusterWorkerData {
  /** In shared memory. */
  readonly graphs: ProductGraphs;
  readonly runtime: RuntimeChoice;
  /** The number of centres, and the share of the best score that makes a centre positive. */
  readonly centres: number;
  readonly positive: number;
  readonly seed: number;
}

/** One class at one layer. */
export interface ClusterTask {
  /** The index of the layer in the files, and its name. */
  readonly layer: number;
  readonly layerName: string;
  readonly className: string;
  /** The files of its photographs, and the index of the class among the classes of each. */
  readonly photographs: readonly { readonly file: string; readonly row: number }[];
  /** The most positions of each photograph. */
  readonly most: number;
}

/** The centres of a class, or the reason of a failure. */
export type ClusterResult = {
  /** [K, channels] */
  readonly centres: Float32Array;
  readonly members: Int32Array;
  readonly scores: Float32Array;
  readonly positive: Uint8Array;
} | { readonly reason: string };

/** The most steps of k-means; differences are small long before. */
const STEPS = 50;

const data = workerData as ClusterWorkerData;
let sessions: Promise<ProductSessions> | undefined;

/** The entry point of the worker. It never throws; a failure is a result. */
export default async function run(task: ClusterTask): Promise<ClusterResult> {
  try {
    sessions ??= openRuntime(data.runtime).then(({ runtime }) => ProductSessions.load(data.graphs, runtime));
    const { points, guide } = await pointsOf(task);
    const products = (await sessions).of(points);
    const start = await startCentres(points, data.centres, randomOf(data.seed, task.layerName, task.className), products);
    const { centres, owners } = await sphericalKMeans(points, start, STEPS, products);
    return resultOf(centres, owners, guide, points.channels);
  } catch (error) {
    return { reason: messageOf(error) };
  }
}

async function pointsOf({ layer, photographs, most }: ClusterTask): Promise<{ points: Points; guide: Float32Array }> {
  let rows = new Float32Array();
  let guide = new Float32Array();
  let [count, channels] = [0, 0];
  for (const { file, row } of photographs) {
    const sample = decodeSample(await readFile(file), layer);
    ({ channels } = sample);
    if (rows.length === 0) [rows, guide] = [new Float32Array(photographs.length * most * channels), new Float32Array(photographs.length * most)];
    const found = sample.features.length / channels;
    const used = Math.min(found, most);
    rows.set(sample.features.subarray(0, used * channels), count * channels);
    guide.set(sample.guide.subarray(row * found, row * found + used), count);
    count += used;
  }
  return { points: { data: rows.subarray(0, count * channels), channels, count }, guide: guide.subarray(0, count) };
}

/** Without centres that no point belongs to. */
function resultOf(centres: Float32Array, owners: Int32Array, guide: Float32Array, channels: number): ClusterResult {
  const k = centres.length / channels;
  const members = new Int32Array(k);
  const sums = new Float64Array(k);
  owners.forEach((owner, i) => {
    members[owner]++;
    sums[owner] += guide[i];
  });
  const kept = Array.from(members.keys()).filter((c) => members[c] > 0);
  const scores = Float32Array.from(kept, (c) => sums[c] / members[c]);
  const own = new Float32Array(kept.length * channels);
  kept.forEach((c, i) => { own.set(centres.subarray(c * channels, (c + 1) * channels), i * channels); });
  return { centres: own, members: Int32Array.from(kept, (c) => members[c]), scores, positive: positiveCentres(scores, data.positive) };
}
