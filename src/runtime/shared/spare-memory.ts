/** Less is not worth it. */
const LEAST = 1 << 16;

/** The most pieces: those of two photographs and their mirror images, and as many again. */
const MOST = 8;

/** Memory that is used again for the next images: to get new memory takes longer than to fill it, and it must be freed. */
export class SpareMemory {
  /** The smallest first. */
  private readonly pieces: ArrayBuffer[] = [];

  /** @returns memory of this size or more, with anything in it */
  take(bytes: number): ArrayBuffer {
    const at = bytes < LEAST ? -1 : this.pieces.findIndex(({ byteLength }) => byteLength >= bytes);
    return at < 0 ? new ArrayBuffer(bytes) : this.pieces.splice(at, 1)[0];
  }

  give(memory: ArrayBuffer): void {
    if (memory.byteLength < LEAST) return;
    this.pieces.push(memory);
    this.pieces.sort((a, b) => a.byteLength - b.byteLength);
    if (this.pieces.length > MOST) this.pieces.shift();
  }
}
