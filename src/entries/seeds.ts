/** `voc-seeds/seeds`: from maps to label maps. */
export { assignSeeds, giveStrongest, lostClasses } from '../seeds/assign.js';
export type { AssignOptions, ConflictPolicy } from '../seeds/assign.js';
export { thresholdsOf } from '../seeds/background.js';
export type { BackgroundPolicy } from '../seeds/background.js';
export { agreedLabels } from '../seeds/agree.js';
export { confidenceOf } from '../seeds/confidence.js';
export { makeSeeds } from '../seeds/make-seeds.js';
export type { SeedPolicies, Seeds } from '../seeds/make-seeds.js';
export { toLabelMap } from '../datasets/label-map.js';
export { decodeMask, encodeMask } from '../datasets/masks.js';
