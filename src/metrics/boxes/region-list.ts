/** Connected regions that are joined while they are found. A region is named by its number; of joined ones, the smallest counts. */
export class RegionList {
  count = 0;
  /** A region that this one was joined with; its own number if it is the smallest of them. */
  parents = new Int32Array(FIRST_ROOM);
  lefts = new Int32Array(FIRST_ROOM);
  tops = new Int32Array(FIRST_ROOM);
  rights = new Int32Array(FIRST_ROOM);
  bottoms = new Int32Array(FIRST_ROOM);
  /** A number that the caller chooses. */
  tags = new Int32Array(FIRST_ROOM);
  /** Twice the area; added when regions are joined. */
  areas = new Float64Array(FIRST_ROOM);
  /** 1 if any of the joined regions is marked. */
  marks = new Uint8Array(FIRST_ROOM);

  /** Adds a region of one row. */
  add(left: number, right: number, y: number, tag: number): number {
    if (this.count === this.parents.length) this.grow();
    const own = this.count++;
    this.parents[own] = own;
    this.lefts[own] = left;
    this.rights[own] = right;
    this.tops[own] = this.bottoms[own] = y;
    this.tags[own] = tag;
    return own;
  }

  /** Adds a piece of a row below to a region. */
  extend(root: number, left: number, right: number, y: number): void {
    if (left < this.lefts[root]) this.lefts[root] = left;
    if (right > this.rights[root]) this.rights[root] = right;
    this.bottoms[root] = y;
  }

  rootOf(region: number): number {
    const { parents } = this;
    let root = region;
    while (parents[root] !== root) {
      parents[root] = parents[parents[root]];
      root = parents[root];
    }
    return root;
  }

  /** Joins two regions, given by their smallest numbers, and returns that of both. */
  join(a: number, b: number): number {
    if (a === b) return a;
    const kept = Math.min(a, b);
    const gone = Math.max(a, b);
    this.parents[gone] = kept;
    this.lefts[kept] = Math.min(this.lefts[kept], this.lefts[gone]);
    this.tops[kept] = Math.min(this.tops[kept], this.tops[gone]);
    this.rights[kept] = Math.max(this.rights[kept], this.rights[gone]);
    this.bottoms[kept] = Math.max(this.bottoms[kept], this.bottoms[gone]);
    this.areas[kept] += this.areas[gone];
    this.marks[kept] |= this.marks[gone];
    return kept;
  }

  private grow(): void {
    const room = 2 * this.parents.length;
    for (const name of ['parents', 'lefts', 'tops', 'rights', 'bottoms', 'tags'] as const) {
      const before = this[name];
      this[name] = new Int32Array(room);
      this[name].set(before);
    }
    const { areas, marks } = this;
    this.areas = new Float64Array(room);
    this.areas.set(areas);
    this.marks = new Uint8Array(room);
    this.marks.set(marks);
  }
}

const FIRST_ROOM = 256;
