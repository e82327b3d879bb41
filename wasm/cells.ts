// Pictures on a coarser grid.

/**
 * The means of a picture's pixels by cells, for one row of cells. Sums are in float64, so those of bytes are exact.
 *
 * @param plane the first number of the cells' first row of pixels, [pixel rows, width]
 * @param rows how many rows of pixels are in these cells
 * @param columns [cells + 1] the first pixel of each cell, and the width
 * @param sums scratch [cells], float64
 * @param out [cells]
 */
export function cellMeansRow(plane: usize, width: i32, rows: i32, columns: usize, cells: i32, sums: usize, out: usize): void {
  for (let y = 0; y < rows; y++) {
    const row = plane + (<usize>(y * width) << 2);
    for (let i = 0; i < cells; i++) {
      const end = row + (<usize>load<i32>(columns + (<usize>i << 2), 4) << 2);
      let sum: f64 = 0;
      for (let at = row + (<usize>load<i32>(columns + (<usize>i << 2)) << 2); at < end; at += 4) sum += <f64>load<f32>(at);
      const to = sums + (<usize>i << 3);
      store<f64>(to, y === 0 ? sum : load<f64>(to) + sum);
    }
  }
  divided(rows, columns, cells, sums, out);
}

/**
 * The same for one of the channels of a picture of bytes, three per pixel.
 *
 * @param picture the channel's byte of the cells' first pixel, [pixel rows, width, 3]
 */
export function colourMeansRow(picture: usize, width: i32, rows: i32, columns: usize, cells: i32, sums: usize, out: usize): void {
  for (let y = 0; y < rows; y++) {
    const row = picture + <usize>(3 * y * width);
    for (let i = 0; i < cells; i++) {
      const end = row + <usize>(3 * load<i32>(columns + (<usize>i << 2), 4));
      let sum: u32 = 0;
      for (let at = row + <usize>(3 * load<i32>(columns + (<usize>i << 2))); at < end; at += 3) sum += <u32>load<u8>(at);
      const to = sums + (<usize>i << 3);
      store<f64>(to, y === 0 ? <f64>sum : load<f64>(to) + <f64>sum);
    }
  }
  divided(rows, columns, cells, sums, out);
}

// @ts-ignore: decorators of functions are AssemblyScript's
@inline
function divided(rows: i32, columns: usize, cells: i32, sums: usize, out: usize): void {
  for (let i = 0; i < cells; i++) {
    const at = columns + (<usize>i << 2);
    store<f32>(out + (<usize>i << 2), <f32>(load<f64>(sums + (<usize>i << 3)) / <f64>((load<i32>(at, 4) - load<i32>(at)) * rows)));
  }
}
