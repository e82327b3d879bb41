import type { WasmMemory } from './webassembly.js';

const PAGE = 2 ** 16;
/** Blocks begin at multiples of this many bytes: a line of the cache. */
const ALIGNMENT = 64;
/** Kernels that read four numbers at a time may read this far beyond the end of a block. */
const SLACK = 16;
/** The most that a 32-bit address space holds. */
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

  /** The numbers themselves, not a copy; ask again after something was allocated, as memory that grows leaves its old views empty. */
  get view(): T {
    if (this.current?.buffer !== this.memory.buffer) this.current = this.create(this.memory.buffer);
    return this.current!;
  }
}

export type Floats = Block<Float32Array>;
export type Bytes = Block<Uint8Array>;
export type Words = Block<Int32Array>;

/**
 * Lays out the memory of an instance: blocks one behind the other, all given back at once. The memory grows to what was
 * needed at most between two resets, and no further.
 */
export class Arena {
  private next: number;

  /** @param base the first free address */
  constructor(private readonly memory: WasmMemory, private base: number) {
    this.next = base;
  }

  /** Gives every block back that was allocated since {@link hold} was called last; they must not be used any more. */
  reset(): void {
    this.next = this.base;
  }

  /** Lets everything that is allocated now outlive {@link reset}. */
  hold(): void {
    this.base = this.next;
  }

  /** Where the next block would begin, for {@link release}. */
  mark(): number {
    return this.next;
  }

  /** Gives back what was allocated since {@link mark} was called. */
  release(mark: number): void {
    this.next = mark;
  }

  /** Numbers of 32 bits with a fraction. They hold whatever was there before. */
  floats(length: number): Floats {
    const address = this.take(4 * length);
    return new Block(this.memory, (buffer) => new Float32Array(buffer, address, length), address, length);
  }

  /** Whole numbers of 32 bits with a sign, holding whatever was there before. */
  words(length: number): Words {
    const address = this.take(4 * length);
    return new Block(this.memory, (buffer) => new Int32Array(buffer, address, length), address, length);
  }

  /** Bytes, holding whatever was there before. */
  bytes(length: number): Bytes {
    const address = this.take(length);
    return new Block(this.memory, (buffer) => new Uint8Array(buffer, address, length), address, length);
  }

  /**
   * @returns the address of so many bytes
   * @throws RangeError beyond 4 GiB
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
