import { normalSequence } from '../../random.js';
import { blurred } from './blur.js';
import { areaUnderCurve, confidenceDrop, pixelsPerStep } from './curve.js';
import type { RoadTies, TestName } from './names.js';
import { fade, impute, occlude, replace } from './perturb.js';
import type { Perturbation, Picture } from './perturb.js';
import { pixelsAbove, removedShare, strongestFirst, strongestShare } from './pixels.js';
import { isAmong } from './score.js';
import type { ClassScore } from './score.js';

/** Which tests to run, and how. Plain data. */
export interface TestOptions {
  readonly tests: readonly TestName[];
  /** Occlude the pixels above these values of the map. */
  readonly thresholds: readonly number[];
  /** Occlude these shares of the pixels, in percent, the strongest ones. */
  readonly areas: readonly number[];
  /** Steps of insertion and deletion. */
  readonly steps: number;
  /** ROAD: remove these shares of the pixels, in percent; the standard deviation of the noise in the network's input. */
  readonly roadAreas: readonly number[];
  readonly roadNoise: number;
  readonly roadTies: RoadTies;
}

/** A number that a test gives for each photograph. */
export interface Column {
  readonly test: TestName;
  /** What decided which pixels were occluded, and its value. */
  readonly by?: 'threshold' | 'area';
  readonly at?: number;
  /**
   * `area`: the occluded share of the photograph; `auc`: the area under the curve of confidence; `morf`, `lerf`: the confidence without the
   * most and the least relevant pixels; `combined`: half their difference.
   */
  readonly value: 'top-1' | 'top-5' | 'confidence' | 'area' | 'drop' | 'increase' | 'auc' | 'morf' | 'lerf' | 'combined';
}

/** What is made from a photograph alone, when it is first needed. */
export interface Made {
  /** The blurred photograph. */
  readonly hazy: () => Float32Array;
  /** Normally distributed numbers with standard deviation 1, [channels, height, width]. */
  readonly noise: () => Float32Array;
}

/** A photograph and a map of it. What several tests use is made once. */
export class Subject {
  private sorted: Uint32Array | undefined;

  /**
   * @param map [height, width], 0..1
   * @param plain the score of the map's class for the unchanged photograph
   * @param made what the tests of all maps of the photograph share
   */
  constructor(readonly picture: Picture, readonly map: Float32Array, readonly plain: ClassScore, readonly made: Made) {}

  /** All pixels, strongest first. */
  get order(): Uint32Array {
    return this.sorted ??= strongestFirst(this.map);
  }
}

/** One run of a test: changed photographs, and its numbers from the scores of them, in the order of its columns. */
interface Trial {
  readonly pictures: readonly Perturbation[];
  readonly read: (scores: readonly ClassScore[]) => readonly number[];
  /** Whose confidences are a curve. */
  readonly curve?: TestName;
}

interface Test {
  readonly columns: readonly Column[];
  readonly trial: (subject: Subject) => Trial;
}

/** The columns of all tests. */
export function columnsOf(options: TestOptions): Column[] {
  return testsOf(options).flatMap(({ columns }) => columns);
}

/**
 * Runs all tests on a map of one class of a photograph.
 *
 * @param score of the class for changed photographs
 * @param onCurve gets the confidences of insertion and deletion, from the first photograph to the last one
 * @returns a number for each of {@link columnsOf}
 */
export async function runTests(
  subject: Subject, options: TestOptions, score: (pictures: readonly Perturbation[]) => Promise<readonly ClassScore[]>,
  onCurve?: (test: TestName, confidences: readonly number[]) => void,
): Promise<number[]> {
  const trials = testsOf(options).map(({ trial }) => trial(subject));
  const scores = await score(trials.flatMap(({ pictures }) => pictures));
  let start = 0;
  return trials.flatMap(({ pictures, read, curve: test }) => {
    const own = scores.slice(start, start += pictures.length);
    if (test !== undefined) onCurve?.(test, own.map(({ confidence }) => confidence));
    return read(own);
  });
}

/** What the tests of all maps of a photograph share. The noise is the same for all photographs of a size, so that results can be repeated. */
export function makerOf(picture: Picture): Made {
  return { hazy: once(() => blurred(picture)), noise: () => noiseOf(picture.data.length) };
}

const NOISE_SEED = 1;

/** The last noise that was made: most photographs of a run have the same size. */
let noise = new Float32Array();

function noiseOf(length: number): Float32Array {
  if (noise.length !== length) noise = new Float32Array(length).map(normalSequence(NOISE_SEED));
  return noise;
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => made ??= make();
}

function testsOf({ tests, thresholds, areas, steps, roadAreas, roadNoise, roadTies }: TestOptions): Test[] {
  const byName: Readonly<Record<TestName, () => Test[]>> = {
    occlusion: () => [
      ...thresholds.map((at) => occlusion('threshold', at, ({ map }) => pixelsAbove(map, at))),
      ...areas.map((at) => occlusion('area', at, ({ order }) => strongestShare(order, at))),
    ],
    drop: () => [drop],
    insertion: () => [insertion(steps)],
    deletion: () => [deletion(steps)],
    road: () => [road(roadAreas, roadNoise, roadTies)],
  };
  return tests.flatMap((name) => byName[name]());
}

/** Occlusion (Jiang et al., LayerCAM, IEEE TIP 2021): what is left of the class without what the map highlights. Lower is better. */
function occlusion(by: 'threshold' | 'area', at: number, pixelsOf: (subject: Subject) => Uint32Array): Test {
  const values = ['top-1', 'top-5', 'confidence', 'area'] as const;
  return {
    columns: values.map((value) => ({ test: 'occlusion', by, at, value })),
    trial: (subject) => {
      const pixels = pixelsOf(subject);
      return {
        pictures: [occlude(subject.picture, pixels)],
        read: ([score]) => [isAmong(1, score), isAmong(5, score), score.confidence, pixels.length / subject.map.length],
      };
    },
  };
}

/** Average drop and increase in confidence (Chattopadhyay et al., Grad-CAM++, WACV 2018): only what the map highlights is shown. */
const drop: Test = {
  columns: (['drop', 'increase'] as const).map((value) => ({ test: 'drop', value })),
  trial: ({ picture, map, plain }) => ({
    pictures: [fade(picture, map)],
    read: ([{ confidence }]) => [confidenceDrop(plain.confidence, confidence), confidence > plain.confidence ? 1 : 0],
  }),
};

/** Deletion (Petsiuk et al., RISE, BMVC 2018): confidence as pixels disappear, strongest first. Lower is better. */
function deletion(steps: number): Test {
  return curve('deletion', steps, ({ picture }) => (pixels) => occlude(picture, pixels));
}

/** Insertion (RISE): confidence as a blurred photograph becomes sharp, strongest pixels first. Higher is better. */
function insertion(steps: number): Test {
  return curve('insertion', steps, ({ picture, made }) => {
    const start = { ...picture, data: made.hazy() };
    return (pixels) => replace(start, picture.data, pixels);
  });
}

/**
 * ROAD (Rong et al., ICML 2022): the mean confidence without the most relevant pixels (MoRF, lower is better), without the least relevant
 * ones (LeRF, higher is better), and half the difference. Removed pixels are filled by those around them.
 */
function road(areas: readonly number[], deviation: number, ties: RoadTies): Test {
  return {
    columns: (['morf', 'lerf', 'combined'] as const).map((value) => ({ test: 'road', value })),
    trial: ({ picture, map, order, made }) => {
      const turned = map.map((value) => 1 - value);
      const turnedOrder = strongestFirst(turned);
      return {
        pictures: [
          ...areas.map((percent) => removedShare(map, order, percent, ties)),
          ...areas.map((percent) => removedShare(turned, turnedOrder, percent, ties)),
        ].map((pixels) => impute(picture, pixels, deviation === 0 ? undefined : { values: made.noise(), deviation })),
        read: (scores) => {
          const [morf, lerf] = [scores.slice(0, areas.length), scores.slice(areas.length)].map((own) => (
            own.reduce((sum, { confidence }) => sum + confidence, 0) / areas.length));
          return [morf, lerf, (lerf - morf) / 2];
        },
      };
    },
  };
}

function curve(test: TestName, steps: number, start: (subject: Subject) => (pixels: Uint32Array) => Perturbation): Test {
  return {
    columns: [{ test, value: 'auc' }],
    trial: (subject) => {
      const { order } = subject;
      const step = pixelsPerStep(order.length, steps);
      const change = start(subject);
      const count = Math.ceil(order.length / step);
      return {
        pictures: Array.from({ length: count + 1 }, (_, i) => change(order.subarray(0, i * step))),
        read: (scores) => [areaUnderCurve(scores.map(({ confidence }) => confidence))], curve: test,
      };
    },
  };
}
