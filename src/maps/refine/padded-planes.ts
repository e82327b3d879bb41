import type { Floats } from '../../kernels/arena.js';
import type { Kernels } from '../../kernels/kernels.js';
import type { Size } from '../../size.js';

/**
 * Planes with a border in the memory of a WebAssembly instance, so that the offset to a neighbour is the same for all pixels.
 */
export class PaddedPlanes {
  /** Numbers from one row to the next: a multiple of eight, with both borders. */
  readonly stride: number;
  /** Numbers from one plane to the next. */
  readonly area: number;
  /** [count, height + 2 pad, stride]. */
  readonly block: Floats;
  /** Columns and rows of border: the reach, rounded up to a multiple of eight. */
  readonly pad: number;

  /** @param reach the distance of the farthest neighbour */
  constructor(private readonly kernels: Kernels, readonly count: number, readonly size: Size, reach: number) {
    const [height, width] = size;
    this.pad = Math.ceil(reach / 8) * 8;
    this.stride = Math.ceil(width / 8) * 8 + 2 * this.pad;
    this.area = (height + 2 * this.pad) * this.stride;
    this.block = kernels.arena.floats(count * this.area);
  }

  /** The address of row y's first pixel in the first plane. */
  row(y: number): number {
    return this.block.address + 4 * ((y + this.pad) * this.stride + this.pad);
  }

  /** Fills the borders with the nearest pixel. */
  replicate(): void {
    const [height, width] = this.size;
    const { run } = this.kernels;
    for (let i = 0; i < this.count; i++) run.replicateBorder(this.block.address + 4 * i * this.area, width, height, this.pad, this.stride);
  }

  /** Sets every number, borders included. */
  fill(value: number): void {
    this.block.view.fill(value);
  }

  /** Copies planes [count, height, width] in. */
  write(planes: Float32Array): void {
    this.eachRow((view, inside, outside, width) => view.set(planes.subarray(outside, outside + width), inside));
  }

  /** Copies a picture [height, width, count] in. */
  writeInterleaved(picture: Uint8Array): void {
    const { count, size: [height, width] } = this;
    this.eachRow((view, inside, outside) => {
      let from = (outside % (height * width)) * count + Math.floor(outside / (height * width));
      for (let x = 0; x < width; x++, from += count) view[inside + x] = picture[from];
    });
  }

  /** A copy of the planes without borders, [count, height, width]. */
  read(): Float32Array {
    const planes = new Float32Array(this.count * this.size[0] * this.size[1]);
    this.eachRow((view, inside, outside, width) => planes.set(view.subarray(inside, inside + width), outside));
    return planes;
  }

  private eachRow(visit: (view: Float32Array, inside: number, outside: number, width: number) => void): void {
    const { view } = this.block;
    const [height, width] = this.size;
    for (let i = 0; i < this.count; i++) {
      for (let y = 0; y < height; y++) visit(view, i * this.area + (y + this.pad) * this.stride + this.pad, (i * height + y) * width, width);
    }
  }
}
