import sharp from 'sharp';
import { workerData } from 'piscina';
import { pickMaps } from '../cam/layer-choice.js';
import type { ChosenLayers } from '../cam/layer-choice.js';
import { mapsToArray } from '../maps/map-rows.js';
import { singleLayers } from '../maps/multi-scale.js';
import { runViews, unmirrored } from './photo-views.js';
import type { PhotoViewOptions } from './photo-views.js';
import type { CamPlan, CamRunner } from '../cam/plan.js';
import { openCam } from '../cam/plan.js';
import { messageOf } from '../errors.js';
import { openPhoto } from '../image/photo-file.js';
import { readPhoto } from '../image/photo.js';
import type { JournalEntry } from '../jobs/journal/journal.js';
import { encodeNpz } from '../formats/numpy/npz.js';
import { writeStamped } from '../jobs/files/stamp.js';
import { openRuntime } from '../runtime/open.js';
import type { RuntimeChoice } from '../runtime/open.js';
import { className } from '../voc/classes.js';
import type { MaskFormat } from '../voc/masks.js';
import { encodeMask } from '../voc/masks.js';
import { mapsOfPhoto } from '../maps/photo-maps.js';
import type { PhotoMapOptions } from '../maps/photo-maps.js';
import { makeSeeds } from '../seeds/make-seeds.js';
import { CAM_FOLDER, NO_CLASS, SEED_FOLDER, UNREFINED_FOLDER } from './seed-files.js';
import type { SeedPolicies } from '../seeds/make-seeds.js';

/** What a worker needs for all of its images. */
export interface SeedWorkerData {
  /** Of one method. */
  readonly plan: CamPlan;
  readonly picks: ChosenLayers['picks'];
  readonly runtime: RuntimeChoice;
  readonly threads: number;
  readonly views: PhotoViewOptions;
  readonly maps: PhotoMapOptions;
  readonly policies: SeedPolicies;
  readonly format: MaskFormat;
}

/** One photograph. */
export interface SeedTask {
  readonly imagePath: string;
  /** VOC indices of its classes, and the logit of each. */
  readonly labels: readonly number[];
  readonly logits: readonly number[];
  /** Where its files go: see {@link seedFiles}. The folders must exist. */
  readonly files: Readonly<Record<string, string>>;
}

/** Where the time of an image went, in milliseconds. */
export interface StageTimes {
  readonly read: number;
  readonly cam: number;
  readonly seeds: number;
  readonly write: number;
}

/** What became of a photograph. */
export type SeedResult
  = | { readonly status: 'done'; readonly notes: readonly string[]; readonly files: NonNullable<JournalEntry['files']>; readonly times: StageTimes }
    | { readonly status: 'failed'; readonly reason: string };

const data = workerData as SeedWorkerData;

// The images of a batch are the parallel work; threads inside one image would only compete with them.
sharp.concurrency(1);

let runner: Promise<CamRunner> | undefined;

/** The entry point of the worker: never throws, a failure is a result. */
export default async function run(task: SeedTask): Promise<SeedResult> {
  try {
    runner ??= openRuntime(data.runtime).then(({ runtime }) => openCam(data.plan, runtime, { threads: data.threads }));
    return await makeSeed(await runner, task);
  } catch (error) {
    return { status: 'failed', reason: messageOf(error) };
  }
}

async function makeSeed(cam: CamRunner, { imagePath, labels, logits, files }: SeedTask): Promise<SeedResult> {
  const notes: string[] = [];
  if (labels.length === 0) return allBackground(imagePath, files);
  const start = performance.now();
  const photo = await openPhoto(imagePath);
  const { original } = photo;
  const opened = performance.now();
  const { limited, results, times } = await runViews(photo, data.views, (tensor, size) => cam.run(tensor, size, logits));
  if (limited !== undefined) notes.push(`held down to ${limited[1]}x${limited[0]} pixels at the network`);
  const computed = performance.now();
  const shown = results.map(({ result, ...view }) => unmirrored(pickMaps(result.maps, data.picks), view));
  const { maps, maxima, background, unrefined } = await mapsOfPhoto(
    shown, labels.length, original, (size) => photo.at(size), { ...data.maps, keepUnrefined: UNREFINED_FOLDER in files });
  const empty = labels.filter((_, k) => maxima[k] === 0);
  notes.push(...empty.map((label) => `the map of ${className(label)} is zero everywhere`));
  const seeds = makeSeeds(maps, labels, data.policies, background);
  const lost = seeds.lost.filter((label) => !empty.includes(label));
  notes.push(...lost.map((label) => `${className(label)} gets no pixel${data.policies.rescue > 0 ? ' but its strongest' : ''}`));
  const assigned = performance.now();
  const stamps = await writeAll(files, {
    [SEED_FOLDER]: () => encodeMask(seeds.labels, data.format),
    [UNREFINED_FOLDER]: () => encodeMask(makeSeeds(unrefined ?? maps, labels, data.policies).labels, data.format),
    [CAM_FOLDER]: () => encodeNpz({
      keys: { shape: [labels.length], data: Int32Array.from(labels) },
      maps: { shape: [labels.length, ...original], data: mapsToArray(maps) },
      ...Object.fromEntries(singleLayers(shown, labels.length, data.maps.fusion).map(({ height, width, data: layer }, i) => (
        [`layer_${i}`, { shape: [labels.length, height, width], data: layer }]))),
    }),
  });
  return {
    status: 'done', notes, files: stamps,
    times: { ...times, read: opened - start + times.read, seeds: assigned - computed, write: performance.now() - assigned },
  };
}

/** An image of no class: it is decoded all the same, for its size and because a damaged one is to be reported. */
async function allBackground(imagePath: string, files: SeedTask['files']): Promise<SeedResult> {
  const start = performance.now();
  const { original: [height, width] } = await readPhoto(imagePath, { input: data.views.inputSize, maxPixels: data.views.maxPixels });
  const read = performance.now();
  const background = (): Uint8Array => encodeMask({ width, height, data: new Uint8Array(width * height) }, data.format);
  const stamps = await writeAll(files, { [SEED_FOLDER]: background, [UNREFINED_FOLDER]: background });
  return { status: 'done', notes: [NO_CLASS], files: stamps, times: { read: read - start, cam: 0, seeds: 0, write: performance.now() - read } };
}

/** Writes those files that are wanted and that there is content for, and hands back their stamps. */
async function writeAll(files: SeedTask['files'], contents: Readonly<Record<string, () => Uint8Array>>): Promise<Record<string, string>> {
  const stamps: Record<string, string> = {};
  for (const [folder, path] of Object.entries(files)) {
    const content = contents[folder];
    if (content !== undefined) stamps[folder] = await writeStamped(path, content());
  }
  return stamps;
}
