// The module's exports. Addresses are bytes in the module's memory, which src/kernels/arena.ts allocates. Nothing is allocated here.
export { replicateBorder } from './plane';
export { affinityRow } from './affinity';
export { spreadRow } from './spread';
export { walk, walkAffinities, walkSquares } from './walk';
export { cellMeansRow, colourMeansRow } from './cells';
export { addInto, divide, maximum, maxInto, scale, upsampleRows } from './maps';
export { argmaxHistogram } from './histogram';
export { assignStrongest, planesOf } from './pixels';
export { grayLevels, levelRegions } from './regions';
export { momentumStep } from './update';
export { combine, multiply, products, prolong, residualAfter, restrict, smooth, smoothFromZero } from './multigrid';

/** The first address that the host may use. */
export function heapBase(): usize {
  return __heap_base;
}
