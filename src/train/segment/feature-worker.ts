import { stat } from 'node:fs/promises';
import { workerData } from 'piscina';
import sharp from 'sharp';
import type { ClassSetData } from '../../datasets/classes/class-set.js';
import { classSetOf } from '../../datasets/classes/known.js';
import { readMask } from '../../datasets/masks.js';
import { messageOf, naming, UserError } from '../../errors.js';
import { mirrored, toTensor } from '../../image/normalise.js';
import type { Normalisation } from '../../image/normalise.js';
import { openPhoto } from '../../image/photo-file.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import { loadGraph } from '../../runtime/load-graph.js';
import type { Session } from '../../runtime/runtime.js';
import { openInWorker } from '../../runtime/shared/worker-runtime.js';
import type { WorkerRuntime } from '../../runtime/shared/worker-runtime.js';
import type { StudentSpec } from '../../student/spec.js';
import { studentInputSize } from '../../student/spec.js';
import { encodeView, viewBytes } from './feature-file.js';
import type { CachedTensor } from './pass.js';
import { countCells } from './targets.js';
import type { CellCounts } from './targets.js';

/** The data of a worker, for all of its photographs. */
export interface FeatureWorkerData {
  /** The serialised frozen part, in shared memory. */
  readonly graph: Uint8Array;
  readonly input: string;
  /** Its outputs for photographs in landscape, and upright. */
  readonly tensors: readonly [landscape: readonly CachedTensor[], upright: readonly CachedTensor[]];
  readonly view: Pick<StudentSpec, 'short' | 'long'>;
  readonly flip: boolean;
  readonly normalisation: Normalisation;
  readonly classes: ClassSetData;
  readonly runtime: WorkerRuntime;
}

/** A photograph. */
export interface FeatureTask {
  readonly path: string;
  /** The file of its features, which is written unless it exists. */
  readonly file: string;
  readonly seed: string;
  /** The labels of its classes. */
  readonly own: readonly number[];
}

/** What training needs to know of a photograph, or the reason why it cannot be used. */
export type FeatureResult = {
  /** 0: landscape, 1: upright. */
  readonly kind: 0 | 1;
  readonly counts: CellCounts;
  readonly cached: boolean;
} | { readonly reason: string };

const data = workerData as FeatureWorkerData;
const classes = classSetOf(data.classes);
sharp.concurrency(1);

let session: Promise<Session> | undefined;

/** The entry point of the worker. It never throws; a failure is a result. */
export default async function run({ path, file, seed, own }: FeatureTask): Promise<FeatureResult> {
  try {
    const photo = await openPhoto(path);
    const [height, width] = photo.original;
    const mask = await readMask(seed, { classes });
    if (mask.height !== height || mask.width !== width) {
      throw new UserError(`the seed ${seed} is ${mask.width} x ${mask.height} pixels, its photograph ${width} x ${height}`);
    }
    const size = studentInputSize(photo.original, data.view);
    const kind = size[0] > size[1] ? 1 : 0;
    const counts = naming(seed, () => countCells(mask, own, size, classes));
    if (counts.total === 0) throw new UserError(`the seed ${seed} has no pixel with a label`);
    const views = data.flip ? 2 : 1;
    const cached = await stat(file).then((entry) => entry.size === views * viewBytes(data.tensors[kind]), () => false);
    if (!cached) await writeFeatures(file, kind, toTensor(await photo.at(size), size, data.normalisation), size);
    return { kind, counts, cached };
  } catch (error) {
    return { reason: messageOf(error) };
  }
}

async function writeFeatures(file: string, kind: 0 | 1, image: Float32Array, size: readonly [number, number]): Promise<void> {
  session ??= openInWorker(data.runtime).then((runtime) => loadGraph(runtime, data.graph, { threads: 1 }));
  const loaded = await session;
  const parts: Uint8Array[] = [];
  for (const view of data.flip ? [image, mirrored(image, size[1])] : [image]) {
    const results = await loaded.run({ [data.input]: { type: 'float32', dims: [1, 3, ...size], data: view } });
    parts.push(...encodeView(data.tensors[kind].map(({ name }) => results[name].data as Float32Array)));
  }
  await writeFileAtomic(file, parts);
}
