/**
 * voc-seeds as a library: from photographs to seeds and their score.
 *
 * ```ts
 * import { loadClassifier, loadSettings, makeSeeds, openRuntime, PhotoCam, seedPolicies, VOC, writeMask } from 'voc-seeds';
 *
 * const classifier = await loadClassifier(); // the bundled one; or the path of an ONNX file
 * const settings = await loadSettings('fast');
 * const { runtime } = await openRuntime();
 * const cam = await PhotoCam.open(classifier, settings, runtime);
 * const { maps, background } = await cam.maps('photo.jpg', ['cat']);
 * const seeds = makeSeeds(maps, [VOC.require('cat')], seedPolicies(settings), background);
 * await writeMask('seeds.png', seeds.labels); // the label of cats is 8, of background 0
 * await cam.close();
 * ```
 *
 * The parts are in `voc-seeds/cam`, `/maps`, `/seeds`, `/metrics`, `/train`, `/import`, `/onnx` and `/runtime`. Importing any of
 * them loads no native library and starts nothing.
 */
export { UserError } from './errors.js';
export { defaultModelPath, packageVersion } from './package.js';
export { loadClassifier } from './classifier/load.js';
export type { LoadedClassifier } from './classifier/load.js';
export { withPrototypes } from './classifier/prototype-file.js';
export type { Prototypes } from './classifier/prototypes.js';
export type { ModelSpec } from './classifier/spec.js';
export { loadSettings } from './settings/load.js';
export type { SeedSettings } from './settings/cam.js';
export { openRuntime } from './runtime/open.js';
export type { OpenedRuntime, RuntimeChoice } from './runtime/open.js';
export { PhotoCam } from './pipeline/photo-cam.js';
export type { PhotoCamPlan, PhotoCamSettings, PhotoLayers, PhotoResult } from './pipeline/photo-cam.js';
export { seedPolicies } from './pipeline/policies.js';
export { makeSeeds } from './seeds/make-seeds.js';
export type { SeedPolicies, Seeds } from './seeds/make-seeds.js';
export { generateSeeds } from './pipeline/generate.js';
export type { GenerateOptions, GenerateSummary } from './pipeline/generate.js';
export { evaluatePairs } from './metrics/evaluate.js';
export type { EvaluationResult } from './metrics/evaluate.js';
export { exportSeeds } from './export/export.js';
export type { ExportOptions, ExportSummary } from './export/export.js';
export { writeRunReport } from './report/run/run-report.js';
export type { RunReportOptions, RunReportSummary } from './report/run/run-report.js';
export type { MapRows } from './maps/map-rows.js';
export { layerMapsToNdarray, mapsToNdarray } from './maps/ndarray.js';
export type { MapInput } from './maps/ndarray.js';
export type { Size } from './size.js';
export { overlayHeat, writeRgbPng } from './image/overlay.js';
export { DEFAULT_MAX_PIXELS, readPhoto } from './image/photo.js';
export { openPhoto } from './image/photo-file.js';
export type { PhotoFile } from './image/photo-file.js';
export { ClassSet } from './datasets/classes/class-set.js';
export type { ClassSetData } from './datasets/classes/class-set.js';
export { COCO } from './datasets/classes/coco.js';
export { loadClassSet } from './datasets/classes/load.js';
export { VOC } from './datasets/classes/voc.js';
export type { DataSet, DataSetOptions } from './datasets/data-set.js';
export { openDevkit } from './datasets/devkit.js';
export { openDataSet } from './datasets/kinds.js';
export { createLabelSource } from './datasets/labels/create.js';
export { IGNORE_LABEL, labelsToNdarray } from './datasets/label-map.js';
export type { LabelInput, LabelMap } from './datasets/label-map.js';
export { readMask, writeMask } from './datasets/masks.js';
export { VOC_PALETTE } from './datasets/palette.js';
export { readSplit } from './datasets/splits.js';
export type { DataItem, Split } from './datasets/splits.js';
export { readTruth } from './datasets/truth.js';
export type { GroundTruth } from './datasets/truth.js';
export { setWorkerHeapSize } from './jobs/workers/heap.js';
