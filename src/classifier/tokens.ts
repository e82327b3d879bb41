import type { OnnxNode } from '../onnx/model.js';
import type { GraphShapes } from '../onnx/shapes/shapes.js';
import type { Size } from '../size.js';

/** The largest number of tokens without a position in the image: a class token, a distillation token, registers. */
const MOST_EXTRA = 8;

/** Which tokens have a position in the image: those from index `first` on, row by row. */
export interface TokenGrid {
  readonly first: number;
  readonly grid: Size;
}

/**
 * Finds the token tensors [N, T, C] of a vision transformer. They consist of some tokens without a position, followed by those
 * of a grid h x w. By default, the grid is that of the feature map that the tokens were made from (the patch embedding).
 *
 * Tensors whose grid no longer affects the logits are left out: after the last attention only the class token is used.
 *
 * @param nodes the nodes from the image to the logits
 * @param fromImage the tensors that depend on the image
 */
export function tokenGrids(
  nodes: readonly OnnxNode[], fromImage: ReadonlySet<string>, shapes: GraphShapes, given?: Size,
): Map<string, TokenGrid> {
  const grids: Size[] = given === undefined ? [] : [given];
  const found = new Map<string, TokenGrid>();
  // Attention multiplies two tensors that both depend on the image. There the tokens affect each other.
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
