import { join } from 'node:path';

/** The folder of the images' records within an ablation's folder. */
export const RECORD_FOLDER = 'images';

/** The path of an image's record. */
export function recordPath(out: string, id: string): string {
  return join(out, RECORD_FOLDER, `${id}.bin`);
}

/** The pixel counts of one image: by true label, and for every measure and parameter also by predicted label. */
export interface ImageRecord {
  /** The true labels in the image, ascending. Unlabelled pixels (255) are not counted. */
  readonly truths: readonly number[];
  /** Pixels of each true label. */
  readonly totals: Float64Array;
  /** The classes of its maps, 1..20. */
  readonly labels: readonly number[];
  readonly measures: readonly MeasureCounts[];
}

/** The counts of one measure. */
export interface MeasureCounts {
  /** The number of parameters that were tried. */
  readonly parameters: number;
  /** One column per class, and one for ignored pixels if the measure has them. */
  readonly columns: number;
  /** [parameters, truths, columns]; the rest of a true label's total is predicted as background. */
  readonly counts: Int32Array;
}

/** The type and version of the file: `VSA1`. */
const MAGIC = [0x56, 0x53, 0x41, 0x31];

/**
 * Packs a record. Neighbouring parameters have similar counts, so differences are stored, small ones in one byte.
 */
export function encodeRecord({ truths, totals, labels, measures }: ImageRecord): Uint8Array {
  const out = new ByteWriter();
  for (const byte of MAGIC) out.byte(byte);
  for (const list of [truths, totals, labels]) {
    out.unsigned(list.length);
    for (const value of list) out.unsigned(value);
  }
  out.unsigned(measures.length);
  for (const { parameters, columns, counts } of measures) {
    out.unsigned(parameters);
    out.unsigned(columns);
    const step = truths.length * columns;
    for (let i = 0; i < counts.length; i++) out.signed(counts[i] - (i < step ? 0 : counts[i - step]));
  }
  return out.bytes();
}

/**
 * Unpacks a record.
 *
 * @throws RangeError if the bytes are not a complete record
 */
export function decodeRecord(bytes: Uint8Array): ImageRecord {
  const read = new ByteReader(bytes);
  if (MAGIC.some((byte) => read.byte() !== byte)) throw new RangeError('it is not a record of an ablation');
  const list = (): number[] => Array.from({ length: read.unsigned() }, () => read.unsigned());
  const [truths, totals, labels] = [list(), Float64Array.from(list()), list()];
  const measures = Array.from({ length: read.unsigned() }, (): MeasureCounts => {
    const [parameters, columns] = [read.unsigned(), read.unsigned()];
    const step = truths.length * columns;
    // Every count needs at least one byte; this limits the memory that a damaged file can ask for.
    if (parameters * step > read.left) throw new RangeError('it is cut short');
    const counts = new Int32Array(parameters * step);
    for (let i = 0; i < counts.length; i++) counts[i] = read.signed() + (i < step ? 0 : counts[i - step]);
    return { parameters, columns, counts };
  });
  if (read.left !== 0) throw new RangeError('there is data after its end');
  return { truths, totals, labels, measures };
}

/** Writes numbers with seven bits per byte, the lowest first; the highest bit means that more follow. */
class ByteWriter {
  private buffer = new Uint8Array(1024);
  private length = 0;

  byte(value: number): void {
    if (this.length === this.buffer.length) {
      const larger = new Uint8Array(2 * this.length);
      larger.set(this.buffer);
      this.buffer = larger;
    }
    this.buffer[this.length++] = value;
  }

  /** An integer from 0 to 2^32 - 1. */
  unsigned(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** An integer from -2^31 to 2^31 - 1; those near 0 are short, whatever their sign. */
  signed(value: number): void {
    this.unsigned((value << 1) ^ (value >> 31));
  }

  bytes(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }
}

class ByteReader {
  private at = 0;

  constructor(private readonly data: Uint8Array) {}

  get left(): number {
    return this.data.length - this.at;
  }

  byte(): number {
    if (this.at === this.data.length) throw new RangeError('it is cut short');
    return this.data[this.at++];
  }

  unsigned(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  signed(): number {
    const value = this.unsigned();
    return (value >>> 1) ^ -(value & 1);
  }
}
