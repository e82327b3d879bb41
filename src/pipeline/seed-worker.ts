import sharp from 'sharp';
import { workerData } from 'piscina';
import { messageOf } from '../errors.js';
import { encodeNpz } from '../formats/numpy/npz.js';
import { writeStamped } from '../jobs/files/stamp.js';
import { mapsToArray } from '../maps/map-rows.js';
import { singleLayers } from '../maps/multi-scale.js';
import { openRuntime } from '../runtime/open.js';
import type { RuntimeChoice } from '../runtime/open.js';
import { confidenceOf } from '../seeds/confidence.js';
import { makeSeeds } from '../seeds/make-seeds.js';
import type { SeedPolicies } from '../seeds/make-seeds.js';
import type { ClassSetData } from '../datasets/classes/class-set.js';
import { classSetOf } from '../datasets/classes/known.js';
import type { MaskFormat } from '../datasets/masks.js';
import { encodeMask } from '../datasets/masks.js';
import { packPng } from '../formats/png/png.js';
import type { ImageResult } from './image-batch.js';
import type { ImageClasses } from './image-classes.js';
import { PhotoCam } from './photo-cam.js';
import type { PhotoCamPlan } from './photo-cam.js';
import { CAM_FOLDER, CONFIDENCE_FOLDER, NO_CLASS, SEED_FOLDER, UNREFINED_FOLDER } from './seed-files.js';

/** What a worker needs for all its images. */
export interface SeedWorkerData {
  readonly photo: PhotoCamPlan;
  readonly runtime: RuntimeChoice;
  readonly threads: number;
  readonly policies: SeedPolicies;
  readonly classSet: ClassSetData;
  readonly format: MaskFormat;
}

/** One photograph. */
export interface SeedTask extends ImageClasses {
  readonly imagePath: string;
  /** The files to write; see {@link seedFiles}. The folders must exist. */
  readonly files: Readonly<Record<string, string>>;
}

/** The time of each stage of an image, in milliseconds. */
export interface StageTimes {
  readonly read: number;
  readonly cam: number;
  readonly seeds: number;
  readonly write: number;
}

export type SeedResult = ImageResult<StageTimes>;

const data = workerData as SeedWorkerData;
const classes = classSetOf(data.classSet);

// Images are processed in parallel; more threads per image would only compete.
sharp.concurrency(1);

let cam: Promise<PhotoCam> | undefined;

/** The entry point of the worker. Never throws; failures are returned. */
export default async function run(task: SeedTask): Promise<SeedResult> {
  try {
    cam ??= openRuntime(data.runtime).then(({ runtime }) => PhotoCam.load(data.photo, runtime, { threads: data.threads }));
    return await makeSeed(await cam, task);
  } catch (error) {
    return { status: 'failed', reason: messageOf(error) };
  }
}

async function makeSeed(photoCam: PhotoCam, { imagePath, labels, logits, files }: SeedTask): Promise<SeedResult> {
  if (labels.length === 0) return allBackground(photoCam, imagePath, files);
  const result = await photoCam.maps(imagePath, logits, { unrefined: UNREFINED_FOLDER in files });
  const { maps, maxima, background, unrefined, views, size, limited, times } = result;
  const start = performance.now();
  const notes = limited === undefined ? [] : [`limited to ${limited[1]}x${limited[0]} pixels at the network`];
  const empty = labels.filter((_, k) => maxima[k] === 0);
  notes.push(...empty.map((label) => `the map of ${classes.nameOf(label)} is zero everywhere`));
  const seeds = makeSeeds(maps, labels, data.policies, background);
  const lost = seeds.lost.filter((label) => !empty.includes(label));
  notes.push(...lost.map((label) => `${classes.nameOf(label)} gets ${data.policies.rescue > 0 ? 'only its strongest pixels (rescue)' : 'no pixel'}`));
  const assigned = performance.now();
  const stamps = await writeAll(files, {
    [SEED_FOLDER]: () => encodeMask(seeds.labels, data.format, classes),
    [UNREFINED_FOLDER]: () => encodeMask(makeSeeds(unrefined ?? maps, labels, data.policies).labels, data.format, classes),
    [CONFIDENCE_FOLDER]: () => packPng(size[1], size[0], confidenceOf(seeds.labels, maps, labels)),
    [CAM_FOLDER]: () => encodeNpz({
      keys: { shape: [labels.length], data: Int32Array.from(labels) },
      maps: { shape: [labels.length, ...size], data: mapsToArray(maps) },
      ...Object.fromEntries(singleLayers(views, labels.length, data.photo.maps.fusion).map(({ height, width, data: layer }, i) => (
        [`layer_${i}`, { shape: [labels.length, height, width], data: layer }]))),
    }),
  });
  return {
    status: 'done', notes, files: stamps,
    times: { read: times.read, cam: times.cam, seeds: times.maps + assigned - start, write: performance.now() - assigned },
  };
}

/** An image without classes. It is still decoded, for its size and to report damaged files. */
async function allBackground(photoCam: PhotoCam, imagePath: string, files: SeedTask['files']): Promise<SeedResult> {
  const { size: [height, width], times: { read } } = await photoCam.layerMaps(imagePath, []);
  const start = performance.now();
  const background = (): Uint8Array => encodeMask({ width, height, data: new Uint8Array(width * height) }, data.format, classes);
  // Without a map, nothing speaks against the background.
  const certain = (): Uint8Array => packPng(width, height, new Uint8Array(width * height).fill(255));
  const stamps = await writeAll(files, { [SEED_FOLDER]: background, [UNREFINED_FOLDER]: background, [CONFIDENCE_FOLDER]: certain });
  return { status: 'done', notes: [NO_CLASS], files: stamps, times: { read, cam: 0, seeds: 0, write: performance.now() - start } };
}

/** Writes the wanted files that there is content for, and returns their stamps. */
async function writeAll(files: SeedTask['files'], contents: Readonly<Record<string, () => Uint8Array>>): Promise<Record<string, string>> {
  const stamps: Record<string, string> = {};
  for (const [folder, path] of Object.entries(files)) {
    const content = contents[folder];
    if (content !== undefined) stamps[folder] = await writeStamped(path, content());
  }
  return stamps;
}
