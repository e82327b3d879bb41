/** Maps of several classes at the size of a photograph. They are read row by row, so large maps need not be in memory. */
export interface MapRows {
  readonly height: number;
  readonly width: number;
  readonly classCount: number;
  /** All rows, [K, height, width], if they are in memory as one array. Do not change it. */
  readonly data?: Float32Array | undefined;
  /** Row y of class k, [width]. Read it before the next call, which may overwrite it, and do not change it. */
  row(k: number, y: number): Float32Array;
}

/** Maps in memory, [K, height, width]. */
export class ArrayMaps implements MapRows {
  /** @param data [classCount, height, width] */
  constructor(readonly data: Float32Array, readonly classCount: number, readonly height: number, readonly width: number) {}

  row(k: number, y: number): Float32Array {
    const start = (k * this.height + y) * this.width;
    return this.data.subarray(start, start + this.width);
  }
}

/** All rows as one array, [K, height, width], without a copy if they are in memory. Do not change it. */
export function mapsToArray(maps: MapRows): Float32Array {
  if (maps.data !== undefined) return maps.data;
  const { classCount, height, width } = maps;
  const data = new Float32Array(classCount * height * width);
  for (let k = 0; k < classCount; k++) {
    for (let y = 0; y < height; y++) data.set(maps.row(k, y), (k * height + y) * width);
  }
  return data;
}
