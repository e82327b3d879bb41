// What the module exports. Addresses are bytes in the module's memory, laid out by src/wasm/arena.ts; nothing is allocated here.
export { replicateBorder } from './plane';
export { affinityRow, walkAffinityRow } from './affinity';
export { spreadRow } from './spread';
export { addInto, divide, maximum, maxInto, scale, upsampleRows } from './maps';
export { argmaxHistogram } from './histogram';
export { assignStrongest, planesOf } from './pixels';
export { momentumStep } from './update';

/** The first address that is free for the host. */
export function heapBase(): usize {
  return __heap_base;
}
