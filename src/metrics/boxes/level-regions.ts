import type { Words } from '../../kernels/arena.js';
import type { Kernels } from '../../kernels/kernels.js';
import { scratchKernels } from '../../kernels/kernels.js';
import type { Size } from '../../size.js';
import type { Box } from '../../datasets/boxes/box-truth.js';

/** The numbers of a region in the kernels' memory. */
const [PARENT, LEFT, TOP, RIGHT, BOTTOM, TAG, AREA, MARK, FIRST, NUMBERS] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/** The first room for regions; it is doubled when it is full. */
const ROOM = 4096;

/** A component (8 neighbours) of the pixels above a level. */
export interface Component {
  readonly level: number;
  readonly box: Box;
  /** Its first pixel, the leftmost of its top row: y * width + x. */
  readonly first: number;
  /** The area inside its outline, as `outlineArea` measures it; `undefined` if it has holes. */
  readonly area: number | undefined;
}

/** A region (4 neighbours) of other pixels inside a component. */
export interface Hole {
  readonly level: number;
  readonly box: Box;
}

/** The regions of a map at several levels. They are not kept as objects: a noisy map has millions. */
export interface LevelRegions {
  /** Calls back for each component. Those of a level come in the order of their first pixels. */
  readonly eachComponent: (visit: (component: Component) => void) => void;
  readonly eachHole: (visit: (hole: Hole) => void) => void;
  /** The map in 0..255, [height, width]. */
  readonly values: Uint8Array;
  /** The levels: pixels of a component are above this value. */
  readonly limits: readonly number[];
}

/**
 * Finds the regions of a map at all levels in one pass over its rows.
 *
 * The result is in memory that the next user of this thread's kernels overwrites.
 *
 * @param map [height, width], in 0..1; it is rounded down to 0..255
 * @param limitsOf the levels for the largest value: different whole numbers, ascending, at most 255 of them
 * @throws RangeError if a value is not in 0..1
 */
export function levelRegions(map: Float32Array, [height, width]: Size, limitsOf: (maximum: number) => readonly number[]): LevelRegions {
  const kernels = scratchKernels();
  const { run, arena } = kernels;
  const floats = arena.floats(map.length);
  floats.view.set(map);
  const values = arena.bytes(map.length);
  const maximum = run.grayLevels(floats.address, map.length, values.address);
  if (maximum < 0) throw new RangeError(`the map has the value ${map[-1 - maximum]}, which is not in 0..1`);
  const limits = limitsOf(maximum);
  const heights = arena.bytes(256);
  heights.view.set(Uint8Array.from({ length: 256 }, (_, value) => limits.filter((limit) => value > limit).length));
  const regions = regionsOf(kernels, values.address, [height, width], heights.address, limits.length);
  return { ...visitorsOf(regions), values: values.view, limits };
}

/** [regions, NUMBERS] */
function regionsOf({ run, arena }: Kernels, values: number, [height, width]: Size, heights: number, count: number): Int32Array {
  // The runs of two rows.
  const rows = arena.words(2 * (4 + count * (2 * width + 5)));
  rows.view.fill(0);
  const counter = arena.words(1);
  counter.view[0] = 0;
  let room = ROOM;
  let regions: Words = arena.words(NUMBERS * room);
  for (let y = 0; ;) {
    y = run.levelRegions(values, height, width, y, heights, count, rows.address, regions.address, counter.address, room);
    if (y === height) return regions.view.subarray(0, NUMBERS * counter.view[0]);
    room *= 2;
    const larger = arena.words(NUMBERS * room);
    larger.view.set(regions.view);
    regions = larger;
  }
}

function visitorsOf(regions: Int32Array): Pick<LevelRegions, 'eachComponent' | 'eachHole'> {
  const boxAt = (at: number): Box => [regions[at + LEFT], regions[at + TOP], regions[at + RIGHT], regions[at + BOTTOM]];
  const rootOf = (region: number): number => {
    let root = region;
    while (regions[NUMBERS * root + PARENT] !== root) root = regions[NUMBERS * root + PARENT];
    return root;
  };
  const eachRoot = (visit: (at: number, tag: number, marked: boolean) => void): void => {
    for (let own = 0, at = 0; at < regions.length; own++, at += NUMBERS) {
      if (regions[at + PARENT] === own) visit(at, regions[at + TAG], regions[at + MARK] === 1);
    }
  };
  // The tag of a component is its level, that of a gap -1 minus a component around it. A marked gap reaches the edge of the map; a marked
  // component has a hole.
  const around = (tag: number): number => NUMBERS * rootOf(-1 - tag);
  eachRoot((_, tag, open) => {
    if (tag < 0 && !open) regions[around(tag) + MARK] = 1;
  });
  return {
    eachComponent: (visit) => {
      eachRoot((at, level, holed) => {
        if (level >= 0) visit({ level, box: boxAt(at), first: regions[at + FIRST], area: holed ? undefined : regions[at + AREA] / 2 });
      });
    },
    eachHole: (visit) => {
      eachRoot((at, tag, open) => {
        if (tag < 0 && !open) visit({ level: regions[around(tag) + TAG], box: boxAt(at) });
      });
    },
  };
}
