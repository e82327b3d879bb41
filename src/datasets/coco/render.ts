import { UserError } from '../../errors.js';
import { requireWithin } from '../../limits.js';
import { IGNORE_LABEL } from '../label-map.js';
import type { LabelMap } from '../label-map.js';
import { polygonRuns } from './polygon.js';
import { requireCover, runsOfText, visitOnes } from './runs.js';
import type { Runs } from './runs.js';

/** An annotation to draw. */
export interface Region {
  /** Its name in messages: `annotation 7`. */
  readonly name: string;
  /** 1..254. */
  readonly label: number;
  /** Whether it is a crowd: several objects that are not told apart. */
  readonly crowd: boolean;
  /** Polygons `[[x, y, x, y, ...], ...]`, or a mask `{ size: [height, width], counts }` with runs as numbers or compressed text. */
  readonly segmentation: unknown;
}

/**
 * Draws annotations as labels: first the crowds as 255 (ignored), then the objects, the largest first, so that small objects lie on top
 * of large ones. The size of an object is its number of pixels; of two equal ones the later lies on top. Each object has the same pixels
 * as in COCO's own tools.
 *
 * @throws UserError for a segmentation that is not valid or belongs to an image of another size; it names the annotation
 */
export function renderRegions(regions: readonly Region[], height: number, width: number): LabelMap {
  requireWithin('maskPixels', width * height, `the image has ${width} x ${height} pixels`);
  const seen = new Uint32Array(width * height);
  const drawn = regions.map(({ name, label, crowd, segmentation }, i) => {
    const parts = inAnnotation(name, () => partsOf(segmentation, height, width));
    let pixels = 0;
    for (const runs of parts) {
      visitOnes(runs, height, width, (pixel) => {
        if (seen[pixel] !== i + 1) pixels++;
        seen[pixel] = i + 1;
      });
    }
    return { label: crowd ? IGNORE_LABEL : label, crowd, parts, pixels };
  });
  const data = new Uint8Array(width * height);
  // The sort is stable: equal ones stay in order.
  for (const { label, parts } of drawn.sort((a, b) => Number(b.crowd) - Number(a.crowd) || b.pixels - a.pixels)) {
    for (const runs of parts) visitOnes(runs, height, width, (pixel) => { data[pixel] = label; });
  }
  return { width, height, data };
}

function inAnnotation<T>(name: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${name}: ${error.message}`, error.hint, { cause: error });
  }
}

/** The masks whose union is a segmentation. */
function partsOf(segmentation: unknown, height: number, width: number): Runs[] {
  if (Array.isArray(segmentation)) {
    if (segmentation.length === 0) throw new UserError('its segmentation is empty', 'annotations with boxes only have no masks');
    // [x, y, ...] without the outer brackets is one polygon.
    const polygons: unknown[] = typeof segmentation[0] === 'number' ? [segmentation] : segmentation;
    return polygons.map((polygon) => polygonRuns(cornersOf(polygon), height, width));
  }
  if (typeof segmentation !== 'object' || segmentation === null) throw new UserError('it has no segmentation', 'annotations with boxes only have no masks');
  const { size, counts } = segmentation as { size?: unknown; counts?: unknown };
  if (!Array.isArray(size) || size.length !== 2 || size[0] !== height || size[1] !== width) {
    throw new UserError(`its segmentation has the size ${JSON.stringify(size)}, but the image is [${height}, ${width}] (height, width)`);
  }
  if (typeof counts !== 'string' && !Array.isArray(counts)) throw new UserError('its segmentation has no counts', 'run-length codes are a list of numbers or a text');
  const runs = typeof counts === 'string' ? runsOfText(counts) : counts as number[];
  requireCover(runs, height, width);
  return [runs];
}

function cornersOf(polygon: unknown): number[] {
  if (!Array.isArray(polygon) || !polygon.every((value) => typeof value === 'number' && Number.isFinite(value))) throw new UserError('its polygon is not a list of numbers', 'a polygon is a list x, y, x, y, ...');
  if (polygon.length % 2 === 1) throw new UserError(`its polygon has ${polygon.length} coordinates, an odd number`, 'a polygon is a list x, y, x, y, ...');
  if (polygon.length < 6) throw new UserError(`its polygon has ${polygon.length / 2} corners`, 'a polygon has at least three');
  return polygon as number[];
}
