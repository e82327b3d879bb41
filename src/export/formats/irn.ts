import { join } from 'node:path';
import { encodeNpyDict } from '../../formats/numpy/npy-object.js';
import { resizeMap } from '../../image/resize-map.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import type { ExportFormat, ExportImage } from '../format.js';

/** IRN's `cam` has a cell for 4 x 4 pixels. */
const STRIDE = 4;

/**
 * The CAM dictionaries of IRN (Ahn, Cho, Kwak, CVPR 2019, `step/make_cam.py`): `keys` int64 [K], classes counted from 0; `cam`
 * float32 [K, ceil(H / 4), ceil(W / 4)]; `high_res` float32 [K, H, W].
 */
export const irn: ExportFormat<null> = {
  help: 'CAM dictionaries of IRN, <id>.npy: keys, cam, high_res',
  readsMaps: true,
  uses: [],
  image: async ({ out, id, labels: { height, width }, maps }: ExportImage) => {
    const { keys, height: rows, width: columns, maps: values } = maps!;
    const count = keys.length;
    // Maps may be stored at another size than the image.
    const whole = rows === height && columns === width ? values : resized(values, count, [rows, columns], [height, width]);
    const small = [Math.ceil(height / STRIDE), Math.ceil(width / STRIDE)] as const;
    await writeFileAtomic(join(out, `${id}.npy`), encodeNpyDict(new Map([
      ['keys', { shape: [count], data: BigInt64Array.from(keys, (key) => BigInt(key - 1)) }],
      ['cam', { shape: [count, ...small], data: resized(whole, count, [height, width], small) }],
      ['high_res', { shape: [count, height, width], data: whole }],
    ])));
    return null;
  },
};

function resized(maps: Float32Array, count: number, [h, w]: readonly [number, number], size: readonly [number, number]): Float32Array {
  const result = new Float32Array(count * size[0] * size[1]);
  for (let k = 0; k < count; k++) result.set(resizeMap(maps.subarray(k * h * w, (k + 1) * h * w), [h, w], size), k * size[0] * size[1]);
  return result;
}
