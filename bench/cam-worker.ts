import { parentPort, workerData } from 'node:worker_threads';
import type { CamResult } from '../src/cam/gradient-program.js';
import type { CamPlan } from '../src/cam/plan.js';
import { openCam } from '../src/cam/plan.js';
import { toTensor } from '../src/image/normalise.js';
import type { Normalisation } from '../src/image/normalise.js';
import { DEFAULT_MAX_PIXELS, readPhoto } from '../src/image/photo.js';
import type { Size } from '../src/size.js';
import { ortRuntime } from '../src/runtime/ort/ort.js';

/** What a thread that runs nothing but CAM programs is given. */
export interface CamWorkerData {
  readonly plan: CamPlan;
  readonly normalisation: Normalisation;
  readonly images: readonly { readonly path: string; readonly logits: readonly number[] }[];
}

// Everything but the programs happens before the clock starts: decoding, resizing, normalising.
const data = workerData as CamWorkerData;
const cam = await openCam(data.plan, ortRuntime, { threads: 1 });
const ready: { tensor: Float32Array; size: Size; logits: readonly number[] }[] = [];
for (const { path, logits } of data.images) {
  const photo = await readPhoto(path, { input: { kind: 'short', pixels: 320 }, maxPixels: DEFAULT_MAX_PIXELS });
  ready.push({ tensor: toTensor(photo.pixels, photo.size, data.normalisation), size: photo.size, logits });
}
parentPort!.on('message', () => {
  void (async () => {
    let last: CamResult | undefined;
    for (const { tensor, size, logits } of ready) last = await cam.run(tensor, size, logits);
    parentPort!.postMessage({ done: last !== undefined });
  })();
});
parentPort!.postMessage({ ready: true });
