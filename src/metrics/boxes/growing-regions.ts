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

  /** @param neighbours whether pixels that only touch at corners are connected (8) or not (4) */
  constructor([height, width]: Size, private readonly neighbours: 4 | 8) {
    this.height = height;
    this.width = width;
    this.firsts = new Int32Array(height * width);
    this.parents = new Int32Array(height * width).fill(-1);
    this.places = new Int32Array(height * width);
    this.boxes = new Int32Array(4 * height * width);
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
    const [above, left, right, below] = [y > 0, x > 0, x + 1 < width, y + 1 < height];
    let root = pixel;
    if (left) root = this.join(root, pixel - 1);
    if (right) root = this.join(root, pixel + 1);
    if (above) root = this.join(root, pixel - width);
    if (below) root = this.join(root, pixel + width);
    if (this.neighbours === 4) return;
    if (above && left) root = this.join(root, pixel - width - 1);
    if (above && right) root = this.join(root, pixel - width + 1);
    if (below && left) root = this.join(root, pixel + width - 1);
    if (below && right) this.join(root, pixel + width + 1);
  }

  /** The box of a region, by its first pixel. */
  boxOf(first: number): Box {
    const { boxes } = this;
    return [boxes[4 * first], boxes[4 * first + 1], boxes[4 * first + 2], boxes[4 * first + 3]];
  }

  /** Joins the region with this first pixel and that of another pixel, if it has been added. Returns the first pixel of the joined region. */
  private join(root: number, pixel: number): number {
    const { boxes, firsts, places, parents } = this;
    if (parents[pixel] < 0 || parents[pixel] === root) return root;
    const other = this.find(pixel);
    if (other === root) return root;
    const kept = Math.min(root, other);
    const gone = Math.max(root, other);
    parents[gone] = kept;
    boxes[4 * kept] = Math.min(boxes[4 * kept], boxes[4 * gone]);
    boxes[4 * kept + 1] = Math.min(boxes[4 * kept + 1], boxes[4 * gone + 1]);
    boxes[4 * kept + 2] = Math.max(boxes[4 * kept + 2], boxes[4 * gone + 2]);
    boxes[4 * kept + 3] = Math.max(boxes[4 * kept + 3], boxes[4 * gone + 3]);
    const last = firsts[--this.count];
    firsts[places[gone]] = last;
    places[last] = places[gone];
    return kept;
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
