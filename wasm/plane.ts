// Planes of float32 with a border all around, so that the neighbours of a pixel are at constant distances.

/**
 * Fills a plane's border with the nearest pixels of the picture inside it.
 *
 * @param plane address of the plane's first number: [height + 2 pad, stride]
 * @param pad columns and rows of border; the border to the right reaches the end of the row
 */
export function replicateBorder(plane: usize, width: i32, height: i32, pad: i32, stride: i32): void {
  const rowBytes = <usize>stride << 2;
  const first = plane + <usize>pad * rowBytes;
  for (let y = 0; y < height; y++) {
    const row = first + <usize>y * rowBytes;
    const left = load<f32>(row + (<usize>pad << 2));
    for (let x = 0; x < pad; x++) store<f32>(row + (<usize>x << 2), left);
    const right = load<f32>(row + (<usize>(pad + width - 1) << 2));
    for (let x = pad + width; x < stride; x++) store<f32>(row + (<usize>x << 2), right);
  }
  const last = first + <usize>(height - 1) * rowBytes;
  for (let y = 0; y < pad; y++) {
    memory.copy(plane + <usize>y * rowBytes, first, rowBytes);
    memory.copy(last + <usize>(y + 1) * rowBytes, last, rowBytes);
  }
}
