import type { WasmMemory } from './webassembly.js';

const PAGE = 2 ** 16;
/** Blocks are aligned to this many bytes: a cache line. */
const ALIGNMENT = 64;
/** Bytes beyond the end of a block that kernels may read, since they read four numbers at a time. */
const SLACK = 16;
/** The size of a 32-bit address space, less one page. */
const MAX_BYTES = 2 ** 32 - PAGE;

/** Numbers in the memory of a WebAssembly instance. */
export class Block<T extends { readonly buffer: ArrayBufferLike }> {
  private current: T | undefined;

  /**
   * @param create makes a view of the memory as it is now
   * @param address in bytes
   * @param length in numbers
   */
  constructor(
    private readonly memory: WasmMemory, private readonly create: (buffer: ArrayBuffer) => T, readonly address: number, readonly length: number,
  ) {}

  /** The numbers themselves, not a copy. Get it again after an allocation: when memory grows, old views become empty. */
  get view(): T {
    if (this.current?.buffer !== this.memory.buffer) this.current = this.create(this.memory.buffer);
    return this.current!;
  }
}

export type Floats = Block<Float32Array>;
export type Doubles = Block<Float64Array>;
export type Bytes = Block<Uint8Array>;
export type Words = Block<Int32Array>;

/**
 * Allocates the memory of an instance: one block after another, all freed at once. The memory grows to the most that was
 * needed between two resets.
 */
export class Arena {
  private next: number;

  /** @param base the first free address */
  constructor(private readonly memory: WasmMemory, private base: number) {
    this.next = base;
  }

  /** Frees all blocks that were allocated since the last {@link hold}. They must not be used any more. */
  reset(): void {
    this.next = this.base;
  }

  /** Keeps all current allocations across {@link reset}. */
  hold(): void {
    this.base = this.next;
  }

  /** The current end of the allocations, for {@link release}. */
  mark(): number {
    return this.next;
  }

  /** Frees everything that was allocated since {@link mark}. */
  release(mark: number): void {
    this.next = mark;
  }

  /** Allocates 32-bit floats, not initialised. */
  floats(length: number): Floats {
    const address = this.take(4 * length);
    return new Block(this.memory, (buffer) => new Float32Array(buffer, address, length), address, length);
  }

  /** Allocates 64-bit floats, not initialised. */
  doubles(length: number): Doubles {
    const address = this.take(8 * length);
    return new Block(this.memory, (buffer) => new Float64Array(buffer, address, length), address, length);
  }

  /** Allocates signed 32-bit integers, not initialised. */
  words(length: number): Words {
    const address = this.take(4 * length);
    return new Block(this.memory, (buffer) => new Int32Array(buffer, address, length), address, length);
  }

  /** Allocates bytes, not initialised. */
  bytes(length: number): Bytes {
    const address = this.take(length);
    return new Block(this.memory, (buffer) => new Uint8Array(buffer, address, length), address, length);
  }

  /**
   * @returns the address of the allocated bytes
   * @throws RangeError above 4 GiB
   */
  private take(bytes: number): number {
    const address = Math.ceil(this.next / ALIGNMENT) * ALIGNMENT;
    const end = address + bytes;
    if (end > MAX_BYTES) throw new RangeError(`${end} bytes do not fit into a WebAssembly memory`);
    const missing = end + SLACK - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
    this.next = end;
    return address;
  }
}
