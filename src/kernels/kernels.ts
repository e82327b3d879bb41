import { readFileSync } from 'node:fs';
import { kernelsPath } from '../package.js';
import { Arena } from './arena.js';
import { Instance, Module } from './webassembly.js';
import type { WasmMemory, WasmModule } from './webassembly.js';

/** The exports of wasm/index.ts, documented there. All numbers except weights and rates are addresses and counts. */
export interface KernelExports {
  readonly memory: WasmMemory;
  heapBase(): number;
  replicateBorder(plane: number, width: number, height: number, pad: number, stride: number): void;
  affinityRow(
    image: number, width: number, height: number, pad: number, stride: number, y: number, offsets: number, dilations: number, count: number,
    scratch: number, out: number, epsilon: number, spread: number, position: number, total: number,
  ): void;
  spreadRow(from: number, to: number, plane: number, maps: number, width: number, affinities: number, offsets: number, neighbours: number): void;
  walkAffinities(ground: number, colours: number): void;
  walk(ground: number, even: number, odd: number, sum: number, shares: number, count: number, scale: number, shift: number): void;
  walkSquares(ground: number, maps: number): number;
  cellMeansRow(plane: number, width: number, rows: number, columns: number, cells: number, out: number): void;
  colourMeansRow(picture: number, width: number, rows: number, columns: number, cells: number, out: number, plane: number): void;
  upsampleRows(
    small: number, cells: number, rowFirst: number, rowSecond: number, rowShare: number,
    starts: number, first: number, second: number, segments: number, share: number, scratch: number,
    out: number, width: number, begin: number, end: number, mode: number, weight: number,
  ): number;
  maxInto(a: number, b: number, count: number): void;
  addInto(a: number, b: number, count: number, weight: number): void;
  scale(a: number, count: number, factor: number): void;
  divide(a: number, count: number, divisor: number): void;
  maximum(a: number, count: number): number;
  argmaxHistogram(
    maps: number, classes: number, pixels: number, divisors: number, slots: number, rows: number, bins: number, scratch: number, counts: number,
  ): void;
  assignStrongest(
    maps: number, classes: number, count: number, bounds: number, labels: number, background: number, floor: number, out: number,
  ): void;
  planesOf(pixels: number, height: number, width: number, tables: number, first: number, flip: number, out: number): void;
  grayLevels(map: number, count: number, out: number): number;
  levelRegions(
    values: number, height: number, width: number, begin: number, heights: number, count: number, rows: number, regions: number,
    counter: number, room: number,
  ): number;
  momentumStep(
    weights: number, velocity: number, gradient: number, count: number, momentum: number, ofGradient: number, ofWeights: number, rate: number,
  ): void;
  smooth(grid: number, right: number, x: number, forwards: number): void;
  smoothFromZero(grid: number, right: number, x: number): void;
  residualAfter(grid: number, x: number, out: number): void;
  multiply(grid: number, x: number, out: number): void;
  restrict(grid: number, places: number, stride: number, residual: number, right: number): void;
  prolong(grid: number, places: number, stride: number, correction: number, x: number): void;
  products(grid: number, a: number, b: number, out: number): void;
  combine(grid: number, a: number, b: number, factors: number, add: number): void;
}

/** An instance of the WebAssembly module: its functions and their memory. */
export interface Kernels {
  readonly run: KernelExports;
  readonly arena: Arena;
}

let compiled: WasmModule | undefined;

/**
 * A new instance with its own memory. The module is compiled once per thread.
 *
 * @throws Error if the module was not built (`npm run build`)
 */
export function createKernels(): Kernels {
  compiled ??= new Module(readFileSync(kernelsPath()));
  const run = new Instance(compiled, {}).exports as KernelExports;
  return { run, arena: new Arena(run.memory, run.heapBase()) };
}

let shared: Kernels | undefined;

/**
 * This thread's shared instance for short work, with nothing allocated. Each call frees the memory of the previous caller. The
 * instance stays as large as the largest picture needed.
 */
export function scratchKernels(): Kernels {
  shared ??= createKernels();
  shared.arena.reset();
  return shared;
}
