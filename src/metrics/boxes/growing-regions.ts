import type { Box } from '../../datasets/boxes/box-truth.js';
import type { Size } from '../../size.js';

/**
 * Connected regions that grow pixel by pixel, with the box around each. Adding all pixels of an image takes about as long as
 * finding its components once (union-find), so the regions of a hundred thresholds cost little more than those of one.
 */
export class GrowingRegions {
  /** The regions, each by its first pixel: the leftmost of its top row, y * width + x. In no order; only the first {@link count}. */
  readonly firsts: Int32Array;
  count = 0;
  private readonly height: number;
  private readonly width: number;
  /** A pixel of the same region nearer to its first one; -1: not added yet. */
  private readonly parents: Int32Array;
  /** The index in `firsts` of a region's first pixel. */
  private readonly places: Int32Array;
  /** [pixels, 4]: the box of a region, at its first pixel. */
  private readonly boxes: Int32Array;
  private readonly steps: readonly (readonly [number, number])[];

  /** @param neighbours whether pixels that only touch at corners are connected (8) or not (4) */
  constructor([height, width]: Size, neighbours: 4 | 8) {
    this.height = height;
    this.width = width;
    this.firsts = new Int32Array(height * width);
    this.parents = new Int32Array(height * width).fill(-1);
    this.places = new Int32Array(height * width);
    this.boxes = new Int32Array(4 * height * width);
    this.steps = neighbours === 4 ? SIDES : [...SIDES, ...CORNERS];
  }

  /** Adds a pixel, y * width + x. It must not have been added before. */
  add(pixel: number): void {
    const { width, height, parents, boxes } = this;
    const x = pixel % width;
    const y = (pixel - x) / width;
    parents[pixel] = pixel;
    this.places[pixel] = this.count;
    this.firsts[this.count++] = pixel;
    boxes[4 * pixel] = boxes[4 * pixel + 2] = x;
    boxes[4 * pixel + 1] = boxes[4 * pixel + 3] = y;
    for (const [dx, dy] of this.steps) {
      if (x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height) continue;
      const other = pixel + dy * width + dx;
      if (parents[other] >= 0) this.join(pixel, other);
    }
  }

  /** The box of a region, by its first pixel. */
  boxOf(first: number): Box {
    const { boxes } = this;
    return [boxes[4 * first], boxes[4 * first + 1], boxes[4 * first + 2], boxes[4 * first + 3]];
  }

  private join(a: number, b: number): void {
    const [one, two] = [this.find(a), this.find(b)];
    if (one === two) return;
    const [kept, gone] = one < two ? [one, two] : [two, one];
    const { boxes, firsts, places } = this;
    this.parents[gone] = kept;
    boxes[4 * kept] = Math.min(boxes[4 * kept], boxes[4 * gone]);
    boxes[4 * kept + 1] = Math.min(boxes[4 * kept + 1], boxes[4 * gone + 1]);
    boxes[4 * kept + 2] = Math.max(boxes[4 * kept + 2], boxes[4 * gone + 2]);
    boxes[4 * kept + 3] = Math.max(boxes[4 * kept + 3], boxes[4 * gone + 3]);
    const last = firsts[--this.count];
    firsts[places[gone]] = last;
    places[last] = places[gone];
  }

  private find(pixel: number): number {
    const { parents } = this;
    let root = pixel;
    while (parents[root] !== root) {
      parents[root] = parents[parents[root]];
      root = parents[root];
    }
    return root;
  }
}

const SIDES = [[1, 0], [0, 1], [-1, 0], [0, -1]] as const;
const CORNERS = [[1, 1], [-1, 1], [-1, -1], [1, -1]] as const;
