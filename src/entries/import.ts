/** `voc-seeds/import`: networks from PyTorch checkpoints and safetensors files. */
export { withWeights } from '../formats/weights/open.js';
export type { WeightsFile } from '../formats/weights/open.js';
export { buildNetwork } from '../import/build.js';
export { planFor } from '../import/recognise.js';
