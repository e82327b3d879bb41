import type { OnnxNode } from '../onnx/model.js';
import type { GraphShapes } from '../onnx/shapes/shapes.js';
import type { Size } from '../size.js';

/** The most tokens without a place in the image: a class token, one for distillation, registers. */
const MOST_EXTRA = 8;

/** Which tokens have a place in the image: all behind the `first`, row by row. */
export interface TokenGrid {
  readonly first: number;
  readonly grid: Size;
}

/**
 * Finds the tensors of tokens [N, T, C] of a vision transformer, in which some first tokens without a place are followed
 * by those of a grid h x w. The grid is that of the feature map that the tokens were made of (the patch embedding), unless
 * it is given.
 *
 * Left out are tensors whose places no longer reach the logits: behind the last attention only the class token counts.
 *
 * @param nodes the way from the image to the logits
 * @param fromImage the tensors that depend on the image
 */
export function tokenGrids(
  nodes: readonly OnnxNode[], fromImage: ReadonlySet<string>, shapes: GraphShapes, given?: Size,
): Map<string, TokenGrid> {
  const grids: Size[] = given === undefined ? [] : [given];
  const found = new Map<string, TokenGrid>();
  // Attention multiplies two tensors that both depend on the image: there the tokens meet.
  const lastMeeting = nodes.findLastIndex(({ op, inputs }) => op === 'MatMul' && inputs.every((name) => fromImage.has(name)));
  nodes.forEach(({ outputs: [name] }, i) => {
    const dims = shapes.dims(name);
    const stride = shapes.stride(name);
    if (given === undefined && stride !== undefined && dims !== undefined && dims[2] !== null && dims[3] !== null) grids.unshift([dims[2], dims[3]]);
    if (dims?.length !== 3 || dims[2] === null || !shapes.batchLeads(name)) return;
    const tokens = dims[1];
    if (tokens === null) return;
    for (const grid of grids) {
      const first = tokens - grid[0] * grid[1];
      if (first < 0 || first > MOST_EXTRA) continue;
      if (first === 0 || i < lastMeeting) found.set(name, { first, grid });
      return;
    }
  });
  return found;
}
