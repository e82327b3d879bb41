// Makes data/sample/JPEGImages from the original pictures of the packages that data/sample/CREDITS.md names.
//   node scripts/sample/prepare.mjs <folder that holds the originals listed below>
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

/** VOC pictures have a long side of 500 pixels. */
const LONG_SIDE = 500;

/** Crops are in pixels of the original, before it is scaled down. */
const pictures = [
  { id: 'aeroplane_from_above', original: 'airplane-from-above.jpg' },
  { id: 'astronaut', original: 'astronaut.png' },
  { id: 'cameraman', original: 'camera.png' },
  { id: 'cat_on_floor', original: 'Cat.png' },
  { id: 'dog_portrait', original: 'Dog.png' },
  { id: 'dogs_at_window', original: 'friends_by_Aitzol_Berasategi.jpg', crop: { left: 150, top: 380, width: 1906, height: 1906 } },
  { id: 'march_pastoral', original: 'march-pastoral.jpg' },
  { id: 'nagasaki_boats', original: 'nagasaki-boats.jpg' },
  { id: 'parrot', original: 'Parrot.png' },
  { id: 'wine_bottle', original: 'Wine_by_Jakkub_Mede.jpg', crop: { left: 690, top: 310, width: 1770, height: 1530 } },
];

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: node scripts/sample/prepare.mjs <folder with the original pictures>');
  process.exit(1);
}
const out = fileURLToPath(new URL('../../data/sample/JPEGImages/', import.meta.url));
await mkdir(out, { recursive: true });
for (const { id, original, crop } of pictures) {
  let picture = sharp(join(folder, original)).toColourspace('srgb').removeAlpha();
  if (crop !== undefined) picture = picture.extract(crop);
  const { width, height } = await picture
    .resize({ width: LONG_SIDE, height: LONG_SIDE, fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality: 90 })
    .toFile(join(out, `${id}.jpg`));
  console.log(`${id} ${width}x${height}`);
}
