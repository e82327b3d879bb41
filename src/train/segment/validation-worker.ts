import { workerData } from 'piscina';
import sharp from 'sharp';
import type { ClassSetData } from '../../datasets/classes/class-set.js';
import { classSetOf } from '../../datasets/classes/known.js';
import type { RgbMasks } from '../../datasets/masks.js';
import { readTruth, truthName } from '../../datasets/truth.js';
import type { GroundTruth } from '../../datasets/truth.js';
import { messageOf, UserError } from '../../errors.js';
import { toTensor } from '../../image/normalise.js';
import type { Normalisation } from '../../image/normalise.js';
import { openPhoto } from '../../image/photo-file.js';
import { ConfusionMatrix } from '../../metrics/confusion.js';
import { loadGraph } from '../../runtime/load-graph.js';
import type { Session } from '../../runtime/runtime.js';
import { openInWorker } from '../../runtime/shared/worker-runtime.js';
import type { WorkerRuntime } from '../../runtime/shared/worker-runtime.js';
import { predictLabels } from '../../student/predict-labels.js';
import type { StudentSpec } from '../../student/spec.js';
import { STUDENT_LOGITS, studentInputSize } from '../../student/spec.js';

/** The data of a worker, for all of its photographs. */
export interface ValidationWorkerData {
  /** The serialised student, in shared memory. */
  readonly graph: Uint8Array;
  readonly input: string;
  readonly view: Pick<StudentSpec, 'short' | 'long'>;
  readonly normalisation: Normalisation;
  readonly classes: ClassSetData;
  readonly rgbMasks: RgbMasks | undefined;
  readonly runtime: WorkerRuntime;
}

/** A photograph with its ground truth and the labels of its classes. */
export interface ValidationTask {
  readonly path: string;
  readonly truth: GroundTruth;
  readonly own: readonly number[];
}

/** The counts of a confusion matrix, or the reason why there are none. */
export type ValidationResult = { readonly counts: Float64Array } | { readonly reason: string };

const data = workerData as ValidationWorkerData;
const classes = classSetOf(data.classes);
sharp.concurrency(1);

let session: Promise<Session> | undefined;

/** The entry point of the worker. It never throws; a failure is a result. */
export default async function run({ path, truth, own }: ValidationTask): Promise<ValidationResult> {
  try {
    const labels = await readTruth(truth, { rgb: data.rgbMasks, classes });
    const photo = await openPhoto(path);
    const size = studentInputSize(photo.original, data.view);
    session ??= openInWorker(data.runtime).then((runtime) => loadGraph(runtime, data.graph, { threads: 1 }));
    const loaded = await session;
    const image = toTensor(await photo.at(size), size, data.normalisation);
    const { [STUDENT_LOGITS]: logits } = await loaded.run({ [data.input]: { type: 'float32', dims: [1, 3, ...size], data: image } });
    const values = logits.data as Float32Array;
    if (!values.every(Number.isFinite)) throw new UserError('the logits are not all finite numbers', 'training has diverged: try a lower --rate');
    const predicted = predictLabels(values, [logits.dims[2], logits.dims[3]], photo.original, [0, ...own]);
    const matrix = new ConfusionMatrix(classes.labelCount);
    matrix.add(labels, predicted, { truth: truthName(truth), prediction: path });
    return { counts: matrix.counts };
  } catch (error) {
    return { reason: messageOf(error) };
  }
}
