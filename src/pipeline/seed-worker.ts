import sharp from 'sharp';
import { workerData } from 'piscina';
import { messageOf } from '../errors.js';
import type { LabelMap } from '../datasets/label-map.js';
import { openPhoto } from '../image/photo-file.js';
import type { PhotoFile } from '../image/photo-file.js';
import { encodeNpz } from '../formats/numpy/npz.js';
import { writeStamped } from '../jobs/files/stamp.js';
import { mapsToArray } from '../maps/map-rows.js';
import { singleLayers } from '../maps/multi-scale.js';
import { agreedLabels } from '../seeds/agree.js';
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

/** One way to make seeds. */
export interface SeedRecipe {
  readonly photo: PhotoCamPlan;
  readonly policies: SeedPolicies;
}

/** What a worker needs for all its images. */
export interface SeedWorkerData extends SeedRecipe {
  /** Other ways to make seeds: pixels on which they do not agree become 255. */
  readonly others: readonly SeedRecipe[];
  readonly runtime: RuntimeChoice;
  readonly threads: number;
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

let cams: Promise<readonly PhotoCam[]> | undefined;

/** The entry point of the worker. Never throws; failures are returned. */
export default async function run(task: SeedTask): Promise<SeedResult> {
  try {
    cams ??= loadCams();
    return await makeSeed(await cams, task);
  } catch (error) {
    return { status: 'failed', reason: messageOf(error) };
  }
}

/** Those of the settings, and of the others. */
async function loadCams(): Promise<readonly PhotoCam[]> {
  const { runtime } = await openRuntime(data.runtime);
  const loaded: PhotoCam[] = [];
  for (const { photo } of [data, ...data.others]) loaded.push(await PhotoCam.load(photo, runtime, { threads: data.threads }));
  return loaded;
}

async function makeSeed([photoCam, ...others]: readonly PhotoCam[], { imagePath, labels, logits, files }: SeedTask): Promise<SeedResult> {
  if (labels.length === 0) return allBackground(photoCam, imagePath, files);
  // All read the same file; it is opened once.
  const photo = others.length === 0 ? imagePath : await openPhoto(imagePath);
  const result = await photoCam.maps(photo, logits, { unrefined: UNREFINED_FOLDER in files });
  const { maps, maxima, background, unrefined, views, size, limited, times } = result;
  const start = performance.now();
  const notes = limited === undefined ? [] : [`limited to ${limited[1]}x${limited[0]} pixels at the network`];
  const empty = labels.filter((_, k) => maxima[k] === 0);
  notes.push(...empty.map((label) => `the map of ${classes.nameOf(label)} is zero everywhere`));
  const seeds = makeSeeds(maps, labels, data.policies, background);
  const lost = seeds.lost.filter((label) => !empty.includes(label));
  notes.push(...lost.map((label) => `${classes.nameOf(label)} gets ${data.policies.rescue > 0 ? 'only its strongest pixels (rescue)' : 'no pixel'}`));
  const made = performance.now() - start;
  const agreed = others.length === 0
    ? { labels: seeds.labels, notes: [], cam: 0, seeds: 0 }
    : await agree(seeds.labels, others, photo, { labels, logits });
  notes.push(...agreed.notes);
  const writing = performance.now();
  const stamps = await writeAll(files, {
    [SEED_FOLDER]: () => encodeMask(agreed.labels, data.format, classes),
    [UNREFINED_FOLDER]: () => encodeMask(makeSeeds(unrefined ?? maps, labels, data.policies).labels, data.format, classes),
    [CONFIDENCE_FOLDER]: () => packPng(size[1], size[0], confidenceOf(agreed.labels, maps, labels)),
    [CAM_FOLDER]: () => encodeNpz({
      keys: { shape: [labels.length], data: Int32Array.from(labels) },
      maps: { shape: [labels.length, ...size], data: mapsToArray(maps) },
      ...Object.fromEntries(singleLayers(views, labels.length, data.photo.maps.fusion).map(({ height, width, data: layer }, i) => (
        [`layer_${i}`, { shape: [labels.length, height, width], data: layer }]))),
    }),
  });
  return {
    status: 'done', notes, files: stamps,
    times: {
      read: times.read, cam: times.cam + agreed.cam, seeds: times.maps + made + agreed.seeds, write: performance.now() - writing,
    },
  };
}

interface Agreed {
  readonly labels: LabelMap;
  readonly notes: readonly string[];
  /** Milliseconds, as in {@link StageTimes}. */
  readonly cam: number;
  readonly seeds: number;
}

/** Compares seeds with those of the other settings. */
async function agree(
  first: LabelMap, others: readonly PhotoCam[], photo: PhotoFile | string, { labels, logits }: Pick<SeedTask, 'labels' | 'logits'>,
): Promise<Agreed> {
  const start = performance.now();
  let cam = 0;
  const compared: LabelMap[] = [];
  for (const [i, other] of others.entries()) {
    const { maps, background, times } = await other.maps(photo, logits);
    cam += times.read + times.cam;
    compared.push(makeSeeds(maps, labels, data.others[i].policies, background).labels);
  }
  const agreed = agreedLabels(first, compared);
  const [before, after] = [new Set(first.data), new Set(agreed.data)];
  const notes = labels.filter((label) => before.has(label) && !after.has(label)).map((label) => `the settings agree on no pixel of ${classes.nameOf(label)}`);
  return { labels: agreed, notes, cam, seeds: performance.now() - start - cam };
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
