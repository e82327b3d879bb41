/** `voc-seeds/train`: classifiers and prototypes from image-level labels, segmentation students from seeds. */
export { fineTune } from '../train/fine-tune.js';
export type { FineTuneOptions, FineTuneResult, FineTuneSettings } from '../train/fine-tune.js';
export { fitPrototypes } from '../prototypes/fit.js';
export type { PrototypeOptions, PrototypeReport } from '../prototypes/fit.js';
export { trainableParameters } from '../train/parameters.js';
export type { Parameter } from '../train/parameters.js';
export { Trainer } from '../train/trainer.js';
export type { TrainerOptions } from '../train/trainer.js';
export { trainClassifier } from '../train/workflow/train-classifier.js';
export { loadStudent } from '../student/load.js';
export type { Student } from '../student/load.js';
export { trainStudent } from '../train/workflow/train-student.js';
export type { StudentReport } from '../train/workflow/train-student.js';
export type { TrainOptions, TrainReport, TrainResult } from '../train/workflow/train-classifier.js';
