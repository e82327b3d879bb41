import { UserError } from '../errors.js';
import { readNpyHeader } from '../formats/numpy/npy-header.js';
import { decodeNpy } from '../formats/numpy/npz.js';
import { requireWithin } from '../limits.js';
import type { ClassSet } from './classes/class-set.js';
import type { LabelMap } from './label-map.js';

/** Whether a file starts like numpy's .npy. */
export function isNpy(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(6, bytes.byteLength)).toString('latin1') === '\x93NUMPY';
}

/**
 * The labels in an .npy of integers of the shape [H, W], [1, H, W] or [H, W, 1].
 *
 * @param name the file's name for error messages
 * @throws {UserError} for other types and shapes, for values outside 0..255, and for more pixels than the limit `maskPixels`
 * @throws {NpyError} for a broken file
 */
export function decodeNpyMask(bytes: Uint8Array, name: string, { classes: { length } }: ClassSet): LabelMap {
  const labels = `0..${length}`;
  refuseLarge(bytes, name, labels);
  const { shape: stored, values } = decodeNpy(bytes);
  const shape = stored.length === 3 ? stored.filter((dim, axis) => dim !== 1 || axis === 1) : stored;
  const [height, width] = shape;
  if (shape.length !== 2 || height === 0 || width === 0) throw new UserError(`mask ${name} has the shape (${stored.join(', ')}), not (height, width)`);
  const data = new Uint8Array(width * height);
  for (let i = 0; i < data.length; i++) {
    const value = values[i];
    if (!(value >= 0 && value <= 255)) throw new UserError(`mask ${name} has the value ${value} at x ${i % width}, y ${Math.floor(i / width)}`, `Labels are ${labels}, and 255 for void.`);
    data[i] = value;
  }
  return { width, height, data };
}

/** Checks type and size before anything is unpacked. */
function refuseLarge(bytes: Uint8Array, name: string, labels: string): void {
  const { type: [kind], shape } = readNpyHeader(bytes);
  if (kind === 'f' || kind === 'b' || kind === 'c') {
    throw new UserError(`mask ${name} contains ${{ f: 'floating-point numbers', b: 'booleans', c: 'complex numbers' }[kind]}, not labels`, `Labels are whole numbers, ${labels} and 255. Save them with labels.astype('uint8').`);
  }
  requireWithin('maskPixels', shape.reduce((product, dim) => product * dim, 1), `mask ${name} has the shape (${shape.join(', ')})`);
}
