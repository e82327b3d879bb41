/**
 * A row of counts for each pair of a true label and another label. Only pairs that occur take memory, since most classes never meet.
 */
export class PairCounts {
  /** The place of each pair's row, or -1. */
  private readonly places: Int32Array;
  private data: Float64Array;
  private count = 0;

  /**
   * @param labelCount true labels and other labels are 0..labelCount - 1
   * @param length counts per pair
   */
  constructor(readonly labelCount: number, readonly length: number) {
    this.places = new Int32Array(labelCount * labelCount).fill(-1);
    this.data = new Float64Array(16 * length);
  }

  /** The counts of all pairs, in one array; see {@link place}. It is replaced when a pair is added. */
  get counts(): Float64Array {
    return this.data;
  }

  /** Where the row of a pair begins in {@link counts}; it is added if it is not there. */
  place(truth: number, other: number): number {
    const pair = truth * this.labelCount + other;
    const known = this.places[pair];
    if (known >= 0) return known;
    const at = this.count * this.length;
    if (at + this.length > this.data.length) {
      const larger = new Float64Array(2 * this.data.length);
      larger.set(this.data);
      this.data = larger;
    }
    this.count++;
    return this.places[pair] = at;
  }

  /** Visits every pair that has counts. */
  each(visit: (truth: number, other: number, place: number) => void): void {
    for (let pair = 0; pair < this.places.length; pair++) {
      if (this.places[pair] >= 0) visit(Math.floor(pair / this.labelCount), pair % this.labelCount, this.places[pair]);
    }
  }

  /** Adds the counts of others with the same labels and length. */
  merge(other: PairCounts): void {
    other.each((truth, label, from) => {
      const to = this.place(truth, label);
      for (let i = 0; i < this.length; i++) this.data[to + i] += other.data[from + i];
    });
  }

  /** Plain data for another thread. */
  pack(): PackedCounts {
    return { labelCount: this.labelCount, length: this.length, places: this.places, data: this.data.slice(0, this.count * this.length) };
  }

  static unpack({ labelCount, length, places, data }: PackedCounts): PairCounts {
    const counts = new PairCounts(labelCount, length);
    counts.places.set(places);
    counts.data = data;
    counts.count = data.length / length;
    return counts;
  }
}

/** {@link PairCounts} as plain data. */
export interface PackedCounts {
  readonly labelCount: number;
  readonly length: number;
  readonly places: Int32Array;
  readonly data: Float64Array;
}
