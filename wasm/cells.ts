// Pictures on a coarser grid.

/**
 * The means of a map's numbers by cells, for one row of cells. Sums are in float64.
 *
 * @param plane the first number of the cells' first row of pixels, [pixel rows, width]
 * @param rows how many rows of pixels are in these cells
 * @param columns [cells + 1] the first pixel of each cell, and the width
 * @param out [cells]
 */
export function cellMeansRow(plane: usize, width: i32, rows: i32, columns: usize, cells: i32, out: usize): void {
  const rowBytes = <usize>width << 2;
  for (let i = 0; i < cells; i++) {
    const begin: usize = load<i32>(columns + (<usize>i << 2));
    const end: usize = load<i32>(columns + (<usize>i << 2), 4);
    let first = plane + (begin << 2);
    let sum: f64 = 0;
    for (let y = 0; y < rows; y++) {
      let own: f64 = 0;
      for (let at = first; at < first + ((end - begin) << 2); at += 4) own += <f64>load<f32>(at);
      sum += own;
      first += rowBytes;
    }
    store<f32>(out + (<usize>i << 2), <f32>(sum / <f64>(<i32>(end - begin) * rows)));
  }
}

/**
 * The same for the channels of a picture of bytes. Sums are exact.
 *
 * @param picture the cells' first pixel, [pixel rows, width, 3]
 * @param out the cells' first mean in the first of three planes; `plane`: bytes from one plane to the next
 */
export function colourMeansRow(picture: usize, width: i32, rows: i32, columns: usize, cells: i32, out: usize, plane: usize): void {
  const rowBytes = <usize>(3 * width);
  for (let i = 0; i < cells; i++) {
    const begin: usize = load<i32>(columns + (<usize>i << 2));
    const end: usize = load<i32>(columns + (<usize>i << 2), 4);
    let first = picture + 3 * begin;
    let red: u64 = 0;
    let green: u64 = 0;
    let blue: u64 = 0;
    for (let y = 0; y < rows; y++) {
      let r: u32 = 0;
      let g: u32 = 0;
      let b: u32 = 0;
      for (let at = first; at < first + 3 * (end - begin); at += 3) {
        r += load<u8>(at);
        g += load<u8>(at, 1);
        b += load<u8>(at, 2);
      }
      red += r;
      green += g;
      blue += b;
      first += rowBytes;
    }
    const count = <f64>(<i32>(end - begin) * rows);
    const to = out + (<usize>i << 2);
    store<f32>(to, <f32>(<f64>red / count));
    store<f32>(to + plane, <f32>(<f64>green / count));
    store<f32>(to + 2 * plane, <f32>(<f64>blue / count));
  }
}
