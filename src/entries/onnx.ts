/** `voc-seeds/onnx`: ONNX files and their graphs. */
export { parseModel, readModel } from '../onnx/file/read.js';
export { serializeModel, writeModel } from '../onnx/file/write.js';
export type { OnnxGraph, OnnxModel, OnnxNode } from '../onnx/model.js';
export { storeHalf } from '../onnx/rewrite/half.js';
