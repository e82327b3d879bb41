import { basename, join } from 'node:path';
import { encodeMask } from '../../datasets/masks.js';
import { writeFileAtomic } from '../../jobs/files/atomic.js';
import type { ExportFormat, ExportImage, FormatOptions } from '../format.js';

/** The labels of an image's classes, ascending. */
type Entry = readonly number[];

/** The folder of a split, by the words that Hugging Face datasets knows. */
function folderOf({ split }: FormatOptions): string {
  if (/^(?:val|valid|validation|dev)$/i.test(split)) return 'validation';
  return /^test$/i.test(split) ? 'test' : 'train';
}

/**
 * An image folder of Hugging Face datasets: `<split>/metadata.jsonl`, photographs and masks. `load_dataset('imagefolder', data_dir=...)`
 * gives the columns image, mask and classes. Files are in a folder of the split, as their names could be taken for splits.
 */
export const hf: ExportFormat<Entry> = {
  help: 'an image folder for Hugging Face datasets, with metadata.jsonl',
  photoFolder: (options) => join(folderOf(options), 'images'),
  needsPhotos: true,
  uses: ['photos', 'split'],
  image: async ({ out, id, labels, present, options }: ExportImage) => {
    // Grayscale: Pillow would show the colours of a palette after convert('RGB'), and some readers do that.
    await writeFileAtomic(join(out, folderOf(options), 'masks', `${id}.png`), encodeMask(labels, 'gray'));
    return present;
  },
  finish: async (images, { out, classes, options }) => {
    const lines = images.map(({ id, photoPath, entry }) => JSON.stringify({
      file_name: `images/${basename(photoPath!)}`, mask_file_name: `masks/${id}.png`, id, classes: entry.map((label) => classes.nameOf(label)),
    }));
    await writeFileAtomic(join(out, folderOf(options), 'metadata.jsonl'), lines.map((line) => `${line}\n`).join(''));
    const names = { 0: classes.nameOf(0), ...Object.fromEntries(classes.classes.map((name, i) => [i + 1, name])) };
    await writeFileAtomic(join(out, 'id2label.json'), `${JSON.stringify(names, undefined, 2)}\n`);
  },
};
