/** `voc-seeds/runtime`: what runs ONNX graphs. */
export { openRuntime } from '../runtime/open.js';
export type { OpenedRuntime, RuntimeChoice } from '../runtime/open.js';
export { ortRuntime } from '../runtime/ort/ort.js';
export { tensorToNdarray } from '../runtime/runtime.js';
export type { Runtime, RuntimeTensor, Session } from '../runtime/runtime.js';
