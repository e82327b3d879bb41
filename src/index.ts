/**
 * voc-seeds as a library: classifiers and their training, CAM programs, maps, seeds and scores.
 *
 * ```ts
 * const classifier = await loadClassifier('classifier.onnx');
 * const layers = classifier.graph.resolveLayers(['/16', '/32']);
 * const cam = await openCam(prepareCam(classifier.graph, layers, { methods: ['layer-cam'] }), ortRuntime, { threads: 2 });
 *
 * const photo = await readPhoto('dog.jpg', { input: parseInputSize('short:320'), maxPixels: DEFAULT_MAX_PIXELS });
 * const dog = classifier.spec.classes.indexOf('dog');
 * const { maps: [layerCam] } = await cam.run(toTensor(photo.pixels, photo.size, classifier.spec), photo.size, [dog]);
 * const maps = new FusedMaps(layerCam, 1, photo.original, DEFAULT_FUSION);
 * const seeds = assignSeeds(maps, [12], { threshold: 0.4, backgroundThreshold: 0.4 });
 * await writeMask('dog.png', seeds, 'palette');
 * ```
 */
export { UserError } from './errors.js';
export { defaultModelPath, packageVersion } from './package.js';
export { parseModel, readModel } from './onnx/read.js';
export { serializeModel, writeModel } from './onnx/write.js';
export type { OnnxGraph, OnnxModel, OnnxNode } from './onnx/model.js';
export { dilate } from './onnx/dilate.js';
export { storeHalf } from './onnx/half.js';
export { resolveLayer, strideAliases } from './onnx/layers.js';
export { NetworkGraph } from './onnx/network.js';
export type { FeatureLayer } from './onnx/layers.js';
export type { Size } from './onnx/shapes.js';
export { ClassifierGraph } from './cam/classifier.js';
export { loadClassifier } from './cam/load.js';
export type { LoadedClassifier } from './cam/load.js';
export { buildCamGraph } from './cam/gradient-graph.js';
export type { CamResult } from './cam/gradient-program.js';
export { camMethods } from './cam/methods/index.js';
export type { CamFormula, CamMethod } from './cam/methods/method.js';
export { CamRunner, openCam, prepareCam } from './cam/plan.js';
export type { CamOptions, CamPlan } from './cam/plan.js';
export { camTargets } from './cam/target.js';
export type { CamTarget } from './cam/target.js';
export type { CamMethodName, CamTargetName } from './config/cam.js';
export { DEFAULT_FUSION, FusedMaps } from './cam/fusion.js';
export type { FusionOptions, LayerMaps } from './cam/fusion.js';
export type { ModelSpec } from './config/model-spec.js';
export { ortRuntime } from './runtime/ort.js';
export type { Runtime, RuntimeTensor, Session } from './runtime/runtime.js';
export { fineTune } from './train/fine-tune.js';
export type { FineTuneOptions, FineTuneResult, FineTuneSettings } from './train/fine-tune.js';
export { trainableParameters } from './train/parameters.js';
export type { Parameter } from './train/parameters.js';
export { Trainer } from './train/trainer.js';
export type { TrainerOptions } from './train/trainer.js';
export { parseInputSize } from './image/input-size.js';
export type { InputSize } from './image/input-size.js';
export { toTensor } from './image/normalise.js';
export { overlayHeat, writeRgbPng } from './image/overlay.js';
export { DEFAULT_MAX_PIXELS, readPhoto } from './image/photo.js';
export { assignSeeds } from './seeds/assign.js';
export { generateSeeds } from './seeds/generate.js';
export type { GenerateOptions, GenerateSummary } from './seeds/generate.js';
export { ConfusionMatrix } from './metrics/confusion.js';
export { evaluatePairs } from './metrics/evaluate.js';
export type { EvaluationResult } from './metrics/evaluate.js';
export { coverageOf, scoreAllWays, scoreMatrix } from './metrics/scores.js';
export type { Scores } from './metrics/scores.js';
export { meanAveragePrecision } from './metrics/average-precision.js';
export { ThresholdSweep } from './metrics/sweep.js';
export { VOC_CLASSES } from './voc/classes.js';
export { VOC_PALETTE } from './voc/palette.js';
export { openDevkit } from './voc/devkit.js';
export { readSplit } from './voc/splits.js';
export { createLabelSource } from './voc/labels/create.js';
export { IGNORE_LABEL } from './voc/label-map.js';
export type { LabelMap } from './voc/label-map.js';
export { decodeMask, encodeMask, readMask, writeMask } from './voc/masks.js';
