import sharp from 'sharp';
import { workerData } from 'piscina';
import { messageOf, UserError } from '../errors.js';
import { encodeNpz } from '../formats/numpy/npz.js';
import { openPhoto } from '../image/photo-file.js';
import type { PhotoFile } from '../image/photo-file.js';
import { writeStamped } from '../jobs/files/stamp.js';
import { mapsToArray } from '../maps/map-rows.js';
import { singleLayers } from '../maps/multi-scale.js';
import { openInWorker } from '../runtime/shared/worker-runtime.js';
import type { WorkerRuntime } from '../runtime/shared/worker-runtime.js';
import { confidenceOf } from '../seeds/confidence.js';
import { makeSeeds } from '../seeds/make-seeds.js';
import type { SeedPolicies } from '../seeds/make-seeds.js';
import type { Size } from '../size.js';
import { StudentRunner } from '../student/predict.js';
import type { StudentPlan } from '../student/predict.js';
import type { ClassSetData } from '../datasets/classes/class-set.js';
import { classSetOf } from '../datasets/classes/known.js';
import { classesInMap } from '../datasets/labels/masks.js';
import type { LabelMap } from '../datasets/label-map.js';
import type { MaskFormat } from '../datasets/masks.js';
import { encodeMask, readMask } from '../datasets/masks.js';
import { packPng } from '../formats/png/png.js';
import { CamSeeds, lostNotes } from './cam-seeds.js';
import type { CamSeedResult, SeedRecipe } from './cam-seeds.js';
import type { ImageResult } from './image-batch.js';
import type { ImageClasses } from './image-classes.js';
import { CAM_FOLDER, CAM_SEED_FOLDER, CONFIDENCE_FOLDER, NO_CLASS, SEED_FOLDER, UNREFINED_FOLDER } from './seed-files.js';

/** What a worker needs for all its images. */
export interface SeedWorkerData {
  /** How seeds of class activation maps are made; none: only the student runs. */
  readonly recipes: readonly SeedRecipe[];
  readonly student?: { readonly plan: StudentPlan; readonly policies: SeedPolicies };
  readonly runtime: WorkerRuntime;
  readonly threads: number;
  readonly classSet: ClassSetData;
  readonly format: MaskFormat;
}

/** One photograph. */
export interface SeedTask extends ImageClasses {
  /** The student's channel for each class; empty without a student. */
  readonly channels: readonly number[];
  /** Seeds to add to the student's probabilities, if no class activation maps are made. */
  readonly seedPath?: string;
  readonly imagePath: string;
  /** The files to write; see {@link seedFiles}. The folders must exist. */
  readonly files: Readonly<Record<string, string>>;
}

/** The time of each stage of an image, in milliseconds. */
export interface StageTimes {
  readonly read: number;
  /** Running the networks. */
  readonly cam: number;
  readonly seeds: number;
  readonly write: number;
}

export type SeedResult = ImageResult<StageTimes>;

const data = workerData as SeedWorkerData;
const classes = classSetOf(data.classSet);

// Images are processed in parallel; more threads per image would only compete.
sharp.concurrency(1);

interface Networks {
  readonly cams?: CamSeeds;
  readonly student?: StudentRunner;
}

let loading: Promise<Networks> | undefined;

/** The entry point of the worker. Never throws; failures are returned. */
export default async function run(task: SeedTask): Promise<SeedResult> {
  try {
    loading ??= load();
    return await makeSeed(await loading, task);
  } catch (error) {
    return { status: 'failed', reason: messageOf(error) };
  }
}

async function load(): Promise<Networks> {
  const { recipes, student, threads } = data;
  const runtime = await openInWorker(data.runtime);
  const cams = recipes.length === 0 ? undefined : await CamSeeds.load(recipes, runtime, { threads });
  return { cams, student: student && await StudentRunner.load(student.plan, runtime, { threads }) };
}

async function makeSeed(networks: Networks, task: SeedTask): Promise<SeedResult> {
  const { imagePath, labels, files } = task;
  if (labels.length === 0) return allBackground(networks, imagePath, files);
  const start = performance.now();
  // All networks read the same file; it is opened once.
  const photo = await openPhoto(imagePath);
  const opening = performance.now() - start;
  const cam = await networks.cams?.make(photo, task, classes, UNREFINED_FOLDER in files);
  const seeds = networks.student === undefined ? cam! : await studentSeeds(networks.student, photo, task, cam);
  const writing = performance.now();
  const stamps = await writeAll(files, {
    [SEED_FOLDER]: () => encodeMask(seeds.labels, data.format, classes),
    [CONFIDENCE_FOLDER]: () => packPng(seeds.labels.width, seeds.labels.height, confidenceOf(seeds.labels, seeds.maps, labels)),
    ...cam && camFiles(cam, labels),
  });
  const write = performance.now() - writing;
  return { status: 'done', notes: seeds.notes, files: stamps, times: { ...seeds.times, read: opening + seeds.times.read, write } };
}

/** The files of class activation maps. */
function camFiles({ labels: seeds, maps, unrefined, views, size }: CamSeedResult, labels: readonly number[]): Record<string, () => Uint8Array> {
  const [{ photo: { maps: { fusion } }, policies }] = data.recipes;
  return {
    [CAM_SEED_FOLDER]: () => encodeMask(seeds, data.format, classes),
    [UNREFINED_FOLDER]: () => encodeMask(makeSeeds(unrefined ?? maps, labels, policies).labels, data.format, classes),
    [CAM_FOLDER]: () => encodeNpz({
      keys: { shape: [labels.length], data: Int32Array.from(labels) },
      maps: { shape: [labels.length, ...size], data: mapsToArray(maps) },
      ...Object.fromEntries(singleLayers(views, labels.length, fusion).map(({ height, width, data: layer }, i) => (
        [`layer_${i}`, { shape: [labels.length, height, width], data: layer }]))),
    }),
  };
}

/** The student's seeds, with those of class activation maps if there are any. */
async function studentSeeds(
  student: StudentRunner, photo: PhotoFile, { labels, channels, seedPath }: SeedTask, cam: CamSeedResult | undefined,
): Promise<Pick<CamSeedResult, 'labels' | 'maps' | 'notes' | 'times'>> {
  const start = performance.now();
  const others = seedPath === undefined ? cam?.labels : await seedsOf(seedPath, labels, photo.original);
  const opened = performance.now();
  const { maps, background, times } = await student.maps(photo, channels, labels, others);
  const assigning = performance.now();
  const { policies } = data.student!;
  const seeds = makeSeeds(maps, labels, policies, background);
  return {
    labels: seeds.labels, maps, notes: lostNotes(seeds.lost, policies, classes),
    times: {
      read: opened - start + times.read + (cam?.times.read ?? 0), cam: times.network + (cam?.times.cam ?? 0),
      seeds: times.maps + performance.now() - assigning + (cam?.times.seeds ?? 0),
    },
  };
}

/** @throws UserError if they are not the seeds of this photograph and its classes */
async function seedsOf(path: string, labels: readonly number[], [height, width]: Size): Promise<LabelMap> {
  const seeds = await readMask(path, { classes });
  if (seeds.height !== height || seeds.width !== width) throw new UserError(`the seeds ${path} have ${seeds.width} x ${seeds.height} pixels, the photograph ${width} x ${height}`);
  const other = classesInMap(seeds, path, classes).find((label) => !labels.includes(label));
  if (other !== undefined) throw new UserError(`the seeds ${path} have ${classes.nameOf(other)}, which is not a class of the photograph`);
  return seeds;
}

/** An image without classes. It is still decoded, for its size and to report damaged files. */
async function allBackground({ cams }: Networks, imagePath: string, files: SeedTask['files']): Promise<SeedResult> {
  const { size: [height, width], read } = await (cams?.decode(imagePath) ?? decode(imagePath));
  const start = performance.now();
  const background = (): Uint8Array => encodeMask({ width, height, data: new Uint8Array(width * height) }, data.format, classes);
  // Without a map, nothing speaks against the background.
  const certain = (): Uint8Array => packPng(width, height, new Uint8Array(width * height).fill(255));
  const contents = { [SEED_FOLDER]: background, [CAM_SEED_FOLDER]: background, [UNREFINED_FOLDER]: background, [CONFIDENCE_FOLDER]: certain };
  const stamps = await writeAll(files, contents);
  return { status: 'done', notes: [NO_CLASS], files: stamps, times: { read, cam: 0, seeds: 0, write: performance.now() - start } };
}

async function decode(imagePath: string): Promise<{ readonly size: Size; readonly read: number }> {
  const start = performance.now();
  const photo = await openPhoto(imagePath);
  await photo.at(photo.original);
  return { size: photo.original, read: performance.now() - start };
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
