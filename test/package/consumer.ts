/** A strict program in TypeScript that uses the library: the example of src/index.ts, and options with and without what is optional. */
export const TYPED_PROGRAM = `
import {
  DEFAULT_MAX_PIXELS, generateSeeds, IGNORE_LABEL, loadClassifier, loadSettings, makeSeeds, mapsToNdarray, openRuntime, PhotoCam, readPhoto,
  seedPolicies, UserError, VOC, writeMask, writeRunReport,
} from 'voc-seeds';
import type { GenerateOptions, LabelMap, MapRows, RunReportOptions, RuntimeChoice, Size } from 'voc-seeds';
import { openCam, parseInputSize, prepareCam, toTensor } from 'voc-seeds/cam';
import type { CamOptions, CamRequest } from 'voc-seeds/cam';
import { withWeights } from 'voc-seeds/import';
import { DEFAULT_FUSION, fuseViews, FusedMaps, mapsOfPhoto, mapsToArray, parseRefiners, refineMaps } from 'voc-seeds/maps';
import type { PhotoMapOptions } from 'voc-seeds/maps';
import { ConfusionMatrix, evaluateMaps, evaluatePairs, scoreMatrix } from 'voc-seeds/metrics';
import type { OnnxModel } from 'voc-seeds/onnx';
import { ortRuntime } from 'voc-seeds/runtime';
import type { Runtime } from 'voc-seeds/runtime';
import { assignSeeds } from 'voc-seeds/seeds';
import type { AssignOptions } from 'voc-seeds/seeds';
import type { FineTuneOptions, TrainOptions } from 'voc-seeds/train';
import manifest from 'voc-seeds/package.json' with { type: 'json' };

const version: string = manifest.version;
const size: Size = [2, 2];

export async function exampleOf(path: string): Promise<LabelMap> {
  const classifier = await loadClassifier(path);
  const settings = await loadSettings('fast', { threshold: 0.4 });
  const { runtime } = await openRuntime();
  const cam = await PhotoCam.open(classifier, settings, runtime, { threads: 2 });
  const { maps, background } = await cam.maps('dog.jpg', ['dog']);
  const { labels } = makeSeeds(mapsToNdarray(maps), [VOC.require('dog')], seedPolicies(settings), background);
  await writeMask('dog.png', labels, 'palette');
  await cam.close();
  return labels;
}

export async function seedsOf(path: string, runtime: Runtime = ortRuntime): Promise<LabelMap> {
  const classifier = await loadClassifier(path);
  const layers = classifier.graph.resolveLayers(['/16', '/32']);
  const requests = layers.map((layer): CamRequest => ({ layer, method: version === '' ? 'score-cam' : 'layer-cam' }));
  const plain: CamOptions = {};
  const whole: CamOptions = { target: 'logit', scoreCamTopK: 8 };
  const cam = await openCam(prepareCam(classifier.graph, requests, version === '' ? whole : plain), runtime, { threads: 2 });
  const photo = await readPhoto('dog.jpg', { input: parseInputSize('short:320'), maxPixels: DEFAULT_MAX_PIXELS });
  const upright = await readPhoto('dog.jpg', { input: { kind: 'native' }, maxPixels: Infinity, upright: true, scale: 0.5 });
  const dog = classifier.spec.classes.indexOf('dog');
  const { maps: layerCam } = await cam.run(toTensor(photo.pixels, photo.size, classifier.spec), photo.size, [dog]);
  const maps = new FusedMaps(layerCam, 1, photo.original, DEFAULT_FUSION);
  const rows: MapRows = maps;
  const array: Float32Array = rows.data ?? mapsToArray(maps);
  refineMaps(array, upright.pixels, photo.original, parseRefiners('pamr'));
  const bare: AssignOptions = { thresholds: [0.4] };
  const full: AssignOptions = { thresholds: [0.4], backgroundThreshold: 0.2, conflict: { kind: 'ignore', margin: 0.1 } };
  const seeds = assignSeeds(maps, [12], photo.limited ? full : bare);
  makeSeeds(maps, [12], { background: { kind: 'constant', threshold: 0.4 }, conflict: { kind: 'argmax' }, rescue: 0 });
  await writeMask('dog.png', seeds, 'palette');
  return seeds;
}

/** Rows of one's own: all at once, or as they are asked for. */
export const own: MapRows[] = [
  { height: 1, width: 1, classCount: 1, data: new Float32Array(1), row: () => new Float32Array(1) },
  { height: 1, width: 1, classCount: 1, row: () => new Float32Array(1) },
];

export async function refined(views: Parameters<typeof mapsOfPhoto>[0], options: PhotoMapOptions): Promise<LabelMap> {
  fuseViews(views, 1, size, options.fusion);
  const { maps, background } = await mapsOfPhoto(views, 1, size, () => Promise.resolve(new Uint8Array(12)), options);
  return assignSeeds(maps, [1], { thresholds: [0.4], background });
}

export async function batch(options: GenerateOptions, report: RunReportOptions, choice?: RuntimeChoice): Promise<number> {
  const { choice: taken } = await openRuntime(choice);
  const { counts } = await generateSeeds({ ...options, runtime: taken, workers: 2, signal: AbortSignal.timeout(1000) });
  await writeRunReport(report);
  await writeRunReport({ run: 'seeds', title: 'Seeds', maxImages: 5 });
  const { matrix } = await evaluatePairs([]);
  const sameMatrix: ConfusionMatrix = matrix;
  await evaluateMaps([], { keys: 'auto', bins: 256, normalise: false });
  return counts.written + scoreMatrix(sameMatrix, 'error').meanIou + IGNORE_LABEL + VOC.classes.length;
}

export function hintOf(error: unknown): string | undefined {
  return error instanceof UserError ? error.hint : undefined;
}

export type Trained = (options: FineTuneOptions | TrainOptions) => Promise<OnnxModel>;
export const open: unknown = withWeights;
`;

/** The same from CommonJS. */
export const TYPED_COMMONJS = `
import seeds = require('voc-seeds');

export const classes: readonly string[] = seeds.VOC.classes;
export const load: (path?: string) => Promise<seeds.LoadedClassifier> = seeds.loadClassifier;
`;

/** Prints what the library says of itself, of the classifier that it brings, and of the runtime. */
export const MODULE_PROGRAM = `
import { loadClassifier, packageVersion, openRuntime } from 'voc-seeds';
import { ortRuntime } from 'voc-seeds/runtime';
import manifest from 'voc-seeds/package.json' with { type: 'json' };

const { spec } = await loadClassifier();
const { description } = await openRuntime({ runtime: 'ort', device: 'cpu' });
console.log(JSON.stringify({ version: packageVersion(), manifest: manifest.version, classes: spec.classes.length, runtime: ortRuntime.name, description }));
`;

export const COMMONJS_PROGRAM = `
const { VOC } = require('voc-seeds');
const { parseInputSize } = require('voc-seeds/cam');
const { version } = require('voc-seeds/package.json');

console.log(JSON.stringify({ version, first: VOC.classes[0], size: parseInputSize('fixed:2x3') }));
`;
