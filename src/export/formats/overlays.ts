import { join } from 'node:path';
import { UserError } from '../../errors.js';
import { openImage } from '../../image/libvips.js';
import { openPhoto } from '../../image/photo-file.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import type { ExportFormat, ExportImage } from '../format.js';
import { overlayLabels } from '../shapes/overlay.js';

/** The photographs with the seeds over them, as JPEG. */
export const overlays: ExportFormat<null> = {
  help: 'photographs with the seeds over them, <id>.jpg',
  needsPhotos: true,
  uses: ['alpha'],
  image: async ({ out, id, photoPath, labels, classes, options }: ExportImage) => {
    const { width, height } = labels;
    if (photoPath === undefined) throw new UserError('its photograph is not on disk');
    const pixels = await (await openPhoto(photoPath)).at([height, width]);
    overlayLabels(pixels, labels, classes.palette, options.alpha);
    const jpeg = openImage(pixels, { raw: { width, height, channels: 3 } }).jpeg({ quality: 90, chromaSubsampling: '4:4:4' });
    await writeFileAtomic(join(out, `${id}.jpg`), await jpeg.toBuffer());
    return null;
  },
};
