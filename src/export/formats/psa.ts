import { join } from 'node:path';
import { encodeNpyDict } from '../../formats/numpy/npy-object.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import type { ExportFormat, ExportImage } from '../format.js';

/** The CAM dictionaries of PSA (Ahn and Kwak, CVPR 2018, `infer_cls.py`): a class counted from 0 and its map float32 [H, W]. */
export const psa: ExportFormat<null> = {
  help: 'CAM dictionaries of PSA, <id>.npy: a map for each class',
  readsMaps: true,
  uses: [],
  image: async ({ out, id, maps }: ExportImage) => {
    const { keys, height, width, maps: values } = maps!;
    const area = height * width;
    await writeFileAtomic(join(out, `${id}.npy`), encodeNpyDict(new Map(keys.map((key, k) => (
      [key - 1, { shape: [height, width], data: values.subarray(k * area, (k + 1) * area) }])))));
    return null;
  },
};
