/** One axis of a Slice: where it begins, how many elements it has, and its step. */
export interface SliceAxis {
  readonly start: number;
  readonly size: number;
  readonly step: number;
}

/**
 * What ONNX's Slice takes of each axis.
 *
 * @param dims of the data
 * @param axes the axes that `starts`, `ends` and `steps` are for
 */
export function sliceAxes(
  dims: readonly number[], starts: readonly number[], ends: readonly number[], axes: readonly number[], steps: readonly number[],
): SliceAxis[] {
  return dims.map((dim, axis) => {
    const i = axes.findIndex((each) => (each < 0 ? each + dims.length : each) === axis);
    if (i < 0) return { start: 0, size: dim, step: 1 };
    const step = steps[i] ?? 1;
    const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value < 0 ? value + dim : value, low), high);
    const start = step > 0 ? clamp(starts[i], 0, dim) : clamp(starts[i], 0, dim - 1);
    const end = step > 0 ? clamp(ends[i], 0, dim) : clamp(ends[i], -1, dim - 1);
    return { start, size: Math.max(0, Math.ceil((end - start) / step)), step };
  });
}
